"""One policy on one request: its decisions, as the API server comes to them.

Source: k8s.io/apiserver/pkg/admission/plugin/policy/validating/validator.go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cel_expr_python import cel

from tenantry.policy.admission.programs import Expression, Programs
from tenantry.policy.cel.engine import Engine, Failure, run_program
from tenantry.policy.documents.model import Policy

_LONGEST_MESSAGE = 5 * 1024
_LONGEST_ANNOTATION = 10 * 1024


@dataclass(frozen=True, slots=True)
class Decision:
    """What one validation says against a request; `index` is its place, -1 where it isn't a validation's."""

    message: str
    reason: str = "Invalid"
    expression: str = ""
    index: int = -1
    errored: bool = False
    undecidable: bool = False
    # The API server denies for an audit annotation that errs, whatever actions the binding has.
    always_denies: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a policy says of a request."""

    decisions: tuple[Decision, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()


NOTHING = Outcome()


class Evaluator:
    """A policy ready to run on an engine; its programs are planned when they're first needed."""

    def __init__(self, policy: Policy, programs: Programs, engine: Engine) -> None:
        self.policy = policy
        self.programs = programs
        self._engine = engine
        self._planned: dict[int, cel.Expression] = {}

    def evaluate(self, activation: cel.Activation) -> Outcome:
        """What the policy says of the request that the activation holds."""
        if not self.programs.annotations and self._run(self.programs.all_well, activation) is True:
            return NOTHING
        blocked = self._check_conditions(activation)
        if blocked is not None:
            return blocked
        decisions = [
            decision
            for index in range(len(self.programs.validations))
            if (decision := self._validate(index, activation)) is not None
        ]
        annotations = self._annotate(activation, decisions)
        return Outcome(tuple(decisions), annotations)

    def is_for(self, activation: cel.Activation) -> bool:
        """Say whether the policy's conditions let its validations run on a request."""
        return not any(self._run(one, activation) is False for one in self.programs.conditions)

    def _run(self, expression: Expression, activation: cel.Activation) -> object:
        planned = self._planned.get(id(expression))
        if planned is None:
            planned = self._planned[id(expression)] = self._engine.plan(expression.program)
        return run_program(planned, activation)

    def _err(self, failure: Failure, expression: str, index: int = -1) -> Decision | None:
        """What a failed evaluation means: it denies, or is passed over where the policy ignores failures."""
        if failure.undecidable:
            return Decision(failure.reason, "", expression, index, errored=True, undecidable=True)
        if self.policy.ignore_failure:
            return None
        message = f"expression '{expression}' resulted in error: {failure.reason}"
        return Decision(message, "Invalid", expression, index, errored=True)

    def _check_conditions(self, activation: cel.Activation) -> Outcome | None:
        """The outcome where the conditions keep the validations from running, else None.

        A condition that is false settles it, whatever the others say; else the errors are the failure policy's.
        """
        results = [(one, self._run(one, activation)) for one in self.programs.conditions]
        if any(result is False for _, result in results):
            return NOTHING
        failures = [(one, result) for one, result in results if isinstance(result, Failure)]
        if not failures:
            return None
        unknown = [(one, failure) for one, failure in failures if failure.undecidable]
        errs = (self._err(failure, one.text) for one, failure in unknown or failures)
        decisions = tuple(decision for decision in errs if decision is not None)
        return Outcome(decisions if unknown else _join(decisions))

    def _validate(self, index: int, activation: cel.Activation) -> Decision | None:
        expression = self.programs.validations[index]
        result = self._run(expression, activation)
        if isinstance(result, Failure):
            return self._err(result, expression.text.strip(), index)
        if result is True:
            return None
        validation = self.policy.validations[index]
        message = self._write_message(index, activation)
        return Decision(message, validation.reason, expression.text.strip(), index)

    def _write_message(self, index: int, activation: cel.Activation) -> str:
        """The message expression's text where it's one good line, else the message, else the expression."""
        validation, expression = self.policy.validations[index], self.programs.messages[index]
        if expression is not None:
            result = self._run(expression, activation)
            text = result.strip() if isinstance(result, str) else ""
            if text and "\n" not in text and len(text.encode()) <= _LONGEST_MESSAGE:
                return text
        return validation.message.strip() or f"failed expression: {validation.expression.strip()}"

    def _annotate(self, activation: cel.Activation, decisions: list[Decision]) -> tuple[tuple[str, str], ...]:
        found = []
        for annotation, expression in zip(self.policy.audit_annotations, self.programs.annotations, strict=True):
            result = self._run(expression, activation)
            if isinstance(result, Failure):
                decision = self._err(result, expression.text)
                if decision is not None:
                    decisions.append(
                        Decision(
                            decision.message,
                            decision.reason,
                            decision.expression,
                            errored=True,
                            undecidable=decision.undecidable,
                            always_denies=not decision.undecidable,
                        )
                    )
            elif isinstance(result, str) and result.strip():
                found.append((annotation.name, result.strip()[:_LONGEST_ANNOTATION]))
        return tuple(found)


def _join(decisions: tuple[Decision, ...]) -> tuple[Decision, ...]:
    """Several errors as the one of which an API server tells (NewAggregate in apimachinery's errors.go)."""
    messages = list(dict.fromkeys(decision.message for decision in decisions))
    if len(messages) < 2:
        return decisions[:1]
    return (replace(decisions[0], message=f"[{', '.join(messages)}]"),)
