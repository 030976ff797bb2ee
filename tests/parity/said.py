"""What a server and what we say of one request, in one form."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from apiserver import Answer

from parity.audit import read_failures
from parity.outcome import AGREED, FOUND, REFUSED, Agreement, Outcome, disagree
from tenantry.policy import Finding, Verdict
from tenantry.policy.admission.verdict import Judgement
from tenantry.policy.documents.model import Policy
from tenantry.policy.objects.prepare import Prepared

# A server cuts each warning to 256 characters once all of an answer are more than 4,096 (warning.go of its endpoints).
_MOST, _CUT = 4096, 256
# These list the keys of a map, which a server visits in another order each time.
_UNORDERED = {"ingress-snippets"}
_UNKNOWN = 'unknown field "'
_ERRS = re.compile(r"expression '.*?' resulted in error:", re.DOTALL)


@dataclass(frozen=True)
class Said:
    """What failed, with what message: what warnings say, and what refusals may say first."""

    warned: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()


def _write(policy: str, binding: str, message: str) -> str:
    """One failure; of errors' texts only the expressions are the same for everyone."""
    text = ", ".join(_ERRS.findall(message)) or message
    if policy in _UNORDERED:
        text = " ".join(sorted(text.replace(",", "").split()))
    return f"'{policy}' with binding '{binding}': {text}"


def read_answer(answer: Answer) -> Said:
    """What a server said."""
    warned = frozenset(_write(*failure) for failure in answer.failures())
    _, named, denied = answer.message.partition("ValidatingAdmissionPolicy ")
    if not named or answer.status not in (401, 403, 413, 422):
        return Said(warned)
    who, _, message = denied.partition(" denied request: ")
    policy, _, binding = who.partition(" with binding ")
    return Said(warned, frozenset({_write(policy.strip("'"), binding.strip("'"), message)}))


def read_findings(findings: Iterable[Finding]) -> Said:
    """What we say; pods within workloads aren't judged by a server before they're made."""
    told = [one for one in findings if one.binding and not one.path]
    warned, denied = (
        frozenset(_write(one.policy, one.binding, one.message) for one in told if "Warn" in one.actions),
        frozenset(_write(one.policy, one.binding, one.message) for one in told if one.verdict is Verdict.DENY),
    )
    return Said(warned - denied, denied)


def was_heard(answer: Answer) -> bool:
    """Whether policies were asked: a quota that doesn't suffice refuses after them."""
    return answer.status in (200, 201) or bool(read_answer(answer).denied) or "quota: " in answer.message


def compare_said(answer: Answer, prepared: Prepared, judgement: Judgement) -> Outcome:
    """Whether a server and we say the same of a request: of its decoding, its unknown fields and its policies."""
    if (answer.status == 400) != bool(prepared.refused):
        theirs = f"{answer.status} {answer.message}"
        where = ", ".join(sorted({path.rpartition(".")[2] for path, _ in prepared.refused})) or answer.message[-80:]
        return disagree(f"what can be decoded: {where}", theirs, prepared.refused or "nothing wrong")
    if prepared.refused:
        return REFUSED
    if not was_heard(answer):
        return Outcome(Agreement.NOT_COMPARABLE, f"the server itself refuses it: {_classify(answer)}")
    if any(finding.verdict is Verdict.UNDECIDABLE for finding in judgement.findings):
        (first, *_) = (one for one in judgement.findings if one.verdict is Verdict.UNDECIDABLE)
        return Outcome(Agreement.UNDECIDABLE, first.message)
    ours = read_findings(judgement.findings)
    agreed = FOUND if ours.warned or ours.denied else AGREED
    return _compare_policies(answer, ours) or _compare_dropped(answer, prepared) or agreed


def _classify(answer: Answer) -> str:
    if answer.status == 422:
        return "422, not valid"
    return f"{answer.status} {answer.body.get('reason') or answer.message[:30]}"


def _compare_policies(answer: Answer, ours: Said) -> Outcome | None:
    theirs = read_answer(answer)
    cut = _CUT if sum(map(len, answer.warnings)) > _MOST - _CUT else None
    ours = shorten(ours, cut)
    theirs = shorten(theirs, cut)
    # Of several that deny, the server names one.
    if bool(theirs.denied) != bool(ours.denied) or not theirs.denied <= ours.denied:
        return disagree("what is denied", sorted(theirs.denied), sorted(ours.denied))
    missing = ours.warned - theirs.warned if sum(map(len, answer.warnings)) < _MOST - _CUT else frozenset()
    if theirs.warned - ours.warned or missing:
        names = sorted({one.partition("' with")[0].strip("'") for one in theirs.warned ^ ours.warned})
        about = "a policy" if any(name.startswith("trial-") for name in names) else ", ".join(names)
        return disagree(f"what is warned of: {about}", sorted(theirs.warned - ours.warned), sorted(missing))
    return None


def shorten(said: Said, most: int | None) -> Said:
    """What is left of it where a server shortens its warnings."""
    if most is None:
        return said
    length = most - len("Validation failed for ValidatingAdmissionPolicy ")
    return Said(frozenset(one[:length] for one in said.warned), said.denied)


def _compare_dropped(answer: Answer, prepared: Prepared) -> Outcome | None:
    if sum(map(len, answer.warnings)) > _MOST - _CUT:
        return None
    theirs = {one.removeprefix(_UNKNOWN).removesuffix('"') for one in answer.warnings if one.startswith(_UNKNOWN)}
    ours = set(prepared.dropped)
    if theirs != ours:
        return disagree("which fields are unknown", sorted(theirs - ours), sorted(ours - theirs))
    return None


def compare_recorded(annotations: dict[str, str], judgement: Judgement, policy: Policy) -> Outcome | None:
    """Whether the audit log has what we say that a policy publishes, and what its bindings want recorded."""
    theirs = {key: text for key, text in annotations.items() if key.startswith(f"{policy.name}/")}
    ours: dict[str, list[str]] = {}
    for key, text in judgement.annotations:
        ours.setdefault(key, []).append(text)
    if theirs != (joined := {key: ", ".join(sorted(texts)) for key, texts in ours.items()}):
        return disagree("which annotations are published", theirs, joined)
    recorded = {_write(*failure) for failure in read_failures(annotations)}
    found = {
        _write(one.policy, one.binding, one.message)
        for one in judgement.findings
        if "Audit" in one.actions and not _denies_always(one, policy)
    }
    return None if recorded == found else disagree("what is recorded", sorted(recorded), sorted(found))


def _denies_always(finding: Finding, policy: Policy) -> bool:
    """Whether it is an error that has nothing to do with a binding's actions: it denies, and isn't recorded."""
    published = {one.expression for one in policy.audit_annotations}
    return finding.index < 0 and (not finding.expression or finding.expression in published)
