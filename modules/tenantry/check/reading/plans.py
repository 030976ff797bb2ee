"""Reads what Pulumi says of a stack: `pulumi preview --json`, and `pulumi stack export`.

Source: Pulumi 3.250.0, sdk/go/common/apitype (UntypedDeployment, DeploymentV3, ResourceV3, OperationV2), display's
PreviewDigest, and pkg/backend/display/json.go, which writes it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tenantry.check.reading.resources import read_resource
from tenantry.check.report import Looked, Result, Summary
from tenantry.policy import ObjectName, Placed, Source, Verdict
from tenantry.problems import InputError, Problem, problem

_URN = re.compile(rb'"urn"\s*:\s*"(urn:pulumi:[^"\\]*)"')
_VERSIONS = (3, 4)
# What these steps are about isn't there afterwards, or isn't the stack's to make.
_GONE = frozenset(
    {"delete", "delete-replaced", "discard", "discard-replaced", "remove-pending-replace", "read", "read-replacement"}
)
_UNDONE = ("deleting", "reading")


@dataclass(slots=True)
class Plan:
    """What a plan's resources ask for; `opaque` are those of which nobody can tell."""

    manifests: list[Placed] = field(default_factory=list)
    opaque: list[Result] = field(default_factory=list)

    @property
    def looked(self) -> list[Looked]:
        """The resources of which nobody can tell."""
        return [Looked(one.object, one.file, one.line) for one in self.opaque]

    @property
    def summary(self) -> Summary:
        """What they add to a summary."""
        return Summary(len(self.opaque), undecidable=len(self.opaque))


def read_plan(text: bytes, file: str) -> Plan | None:
    """Read what a stack's resources ask for, by the file that says it; nothing where a text is something else.

    Raises:
        InputError: TEN-650, where it is one of Pulumi's and doesn't say all that there will be.
    """
    try:
        said = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict) or "apiVersion" in said:
        return None
    if "resourcePlans" in said:
        raise InputError(_refuse(file, "is a saved plan, which has changes only, and not what they are made to"))
    if "deployment" in said:
        states = _read_export(said, file)
    elif "steps" in said:
        states = _read_preview(said, file)
    else:
        return None
    plan, lines = Plan(), _find_lines(text)
    for urn, state in states.items():
        _add(plan, urn, state, Source(file, lines.get(urn, 0)))
    return plan


def _refuse(file: str, what: str) -> Problem:
    fix = "write it with pulumi preview --json, or pulumi stack export"
    return problem("TEN-650", f"{file} {what}", fix, file=file)


def _read_export(said: Mapping[str, Any], file: str) -> dict[str, Mapping[str, Any]]:
    """Give what a stack holds, by URN, and what an update that was cut off may have made."""
    deployment = said["deployment"]
    if said.get("version") not in _VERSIONS or not isinstance(deployment, dict):
        raise InputError(_refuse(file, f"is an export of version {said.get('version')}, which isn't known"))
    operations = [one for one in _dicts(deployment.get("pending_operations")) if one.get("type") not in _UNDONE]
    states = [*_dicts(deployment.get("resources")), *_dicts([one.get("resource") for one in operations])]
    return {str(one.get("urn")): one for one in states if not one.get("delete")}


def _read_preview(said: Mapping[str, Any], file: str) -> dict[str, Mapping[str, Any]]:
    """Give what a stack would hold, by URN; a step without it is one that Pulumi couldn't write down."""
    errors = [one.get("message") for one in _dicts(said.get("diagnostics")) if one.get("severity") == "error"]
    if errors or said.get("maybeCorrupt"):
        raise InputError(_refuse(file, "is a preview that failed, and may lack resources"))
    steps = [one for one in _dicts(said["steps"]) if str(one.get("op")) not in _GONE]
    return {str(one.get("urn")): _state(one) for one in steps}


def _state(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the new state of a step, else what little its URN says: the type is the last of those in its third part."""
    if isinstance(step.get("newState"), dict):
        return dict(step["newState"])
    types = str(step.get("urn")).split("::")
    return {"type": types[2].rpartition("$")[2] if len(types) > 2 else "", "custom": True, "inputs": None}


def _dicts(values: object) -> list[dict[str, Any]]:
    return [one for one in values if isinstance(one, dict)] if isinstance(values, list) else []


def _find_lines(text: bytes) -> dict[str, int]:
    """Find the line where each resource is first named: its own state begins with its URN."""
    lines: dict[str, int] = {}
    for urn, line in _iterate_lines(text):
        lines.setdefault(urn, line)
    return lines


def _iterate_lines(text: bytes) -> Iterator[tuple[str, int]]:
    line, position = 1, 0
    for match in _URN.finditer(text):
        line += text.count(b"\n", position, match.start())
        position = match.start()
        yield match[1].decode(errors="replace"), line


def _add(plan: Plan, urn: str, state: Mapping[str, Any], source: Source) -> None:
    if not state.get("custom") or state.get("external"):
        # A component makes nothing itself; what is external isn't the stack's to make.
        return
    asked = read_resource(str(state.get("type")), state.get("inputs", {}))
    if isinstance(asked, str):
        plan.opaque.append(_undecided(urn, str(state.get("type")), asked, source))
    else:
        plan.manifests += [Placed(manifest, source) for manifest in asked]


def _undecided(urn: str, token: str, why: str, source: Source) -> Result:
    module, _, kind = token.rpartition(":")
    about = ObjectName(module.partition(":")[2], kind, "", urn.rpartition("::")[2])
    fix = "check the manifests that it makes, too"
    column = 1 if source.line else 0
    where = (about, source.file, source.line, column)
    return Result("policies", "policy", Verdict.UNDECIDABLE, "TEN-651", f"it can't be decided: {why}", fix, *where)
