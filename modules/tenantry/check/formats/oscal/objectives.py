"""Objectives: what a policy says of a control that it gives evidence for."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tenantry.check.formats.oscal.parts import Part, drop_empty, make_props
from tenantry.check.formats.printable import make_line, make_markdown
from tenantry.check.report import CONTRACT, Report

_NIST = "nist-800-53r5"
_OURS = "tenantry"
"""The framework of what is asked for by the contract, and by policies that name no control."""
_NO_TOKEN = re.compile(r"[^\w.\-]")
_ENHANCEMENT = re.compile(r"\((\d+)\)")


@dataclass(frozen=True, slots=True)
class Objective:
    """One policy's part of one control; `reason` says why there is such a policy."""

    policy: str
    control: str
    reason: str = ""

    @property
    def framework(self) -> str:
        """Whose control it is."""
        return make_line(self.control.partition("/")[0])

    @property
    def control_id(self) -> str:
        """The control's id: as in NIST's own catalog, where that has it, or framework and number, as a token."""
        framework, _, number = self.control.partition("/")
        if framework == _NIST:
            return _make_token(_ENHANCEMENT.sub(r".\1", number.lower()))
        return _make_token(f"{framework}_{number}")

    @property
    def id(self) -> str:
        """The objective's id, which starts with its control's, as those in NIST's catalogs do."""
        return _make_token(f"{self.control_id}_{self.policy}")


def _make_token(text: str) -> str:
    """Make a token of OSCAL's: letters, digits, `.`, `-` and `_`, and the first is a letter or `_`."""
    token = _NO_TOKEN.sub("_", make_line(text))
    return token if token[:1].isalpha() else f"_{token}"


def list_objectives(report: Report) -> list[Objective]:
    """Give the objectives of the policies that were evaluated or had something to say, each once."""
    controls: dict[str, tuple[str, ...]] = {name: () for one in report.looked for name in one.judged}
    controls |= {one.policy: one.controls for one in report.results}
    controls |= {name: one.controls for name, one in report.policies.items() if name in controls}
    found: dict[str, Objective] = {}
    for name in sorted(controls):
        reason = report.policies[name].reason if name in report.policies else ""
        for control in controls[name] or (f"{_OURS}/{name}",):
            one = Objective(name, control, reason)
            found.setdefault(one.id, one)
    return list(found.values())


def define_objectives(objectives: Iterable[Objective]) -> Iterator[Part]:
    """Define objectives that no catalog has, with how each is assessed."""
    for one in objectives:
        title = make_markdown(f"What {one.policy} says of {one.control}")
        method = f"{one.id}_test"
        objective: dict[str, Any] = {
            "id": one.id,
            "name": "assessment-objective",
            "title": title,
            "props": [{"name": "method-id", "value": method}, *make_props(policy=one.policy)],
        }
        if one.reason:
            objective["prose"] = make_markdown(f"Reason: {one.reason}")
        yield drop_empty(
            {
                "control-id": one.control_id,
                "description": title,
                "props": make_props(framework=one.framework, control=one.control),
                "parts": [
                    objective,
                    {
                        "id": method,
                        "name": "assessment-method",
                        "props": [{"name": "method", "value": "TEST"}],
                        "parts": [{"name": "assessment-objects", "prose": "The objects that the policy is for."}],
                    },
                ],
            }
        )


def select_controls(objectives: Iterable[Objective]) -> Part:
    """Name the controls that were looked at, by framework; with nothing looked at, the one that always is asked for."""
    controls: dict[str, dict[str, None]] = defaultdict(dict)
    for one in objectives or [Objective(CONTRACT, f"{_OURS}/{CONTRACT}")]:
        controls[one.framework][one.control_id] = None
    selections = [
        drop_empty(
            {
                "description": make_markdown(f"Controls of {framework}"),
                "props": make_props(framework=framework),
                "include-controls": [{"control-id": control} for control in sorted(ids)],
            }
        )
        for framework, ids in sorted(controls.items())
    ]
    return {
        "description": "The controls that policies which were evaluated give evidence for. None is covered whole.",
        "control-selections": selections,
    }
