"""What policies say, as results of a check."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import orjson

from tenantry.check.reading.assumed import UNNAMED
from tenantry.check.report import NOBODY, Looked, Result
from tenantry.policy import Finding, ObjectName, Verdict
from tenantry.policy.cel.engine import Failure
from tenantry.problems import Problem

if TYPE_CHECKING:
    from tenantry.policy.admission.explain import Clue

_CODES = {Verdict.DENY: "TEN-610", Verdict.WARN: "TEN-611", Verdict.UNDECIDABLE: "TEN-612", Verdict.ALLOW: "TEN-620"}
"""The codes of what policies say, an allow being of a waiver; docs/codes.md tells what each means."""
_MOST_SHOWN = 80


def name_object(shown: ObjectName) -> ObjectName:
    """Name an object as its manifest does."""
    return shown._replace(namespace="") if shown.namespace == UNNAMED else shown


def note_policies(note: Problem) -> Result:
    """Give what is worth knowing of the policies themselves: one that binds nothing passes everything."""
    where = (note.file, note.line, note.column)
    return Result("policies", "policy", Verdict.WARN, note.code, note.message, note.fix, NOBODY, *where)


def tell_unpinned(about: Looked, baseline: str) -> Result:
    """Say that an object can't be judged without the figures of the baseline that it is pinned to."""
    message = f"it can't be decided without the baseline {baseline}, which it is pinned to"
    fix = "name the file that has it with --context"
    where = (about.object, about.file, about.line, 1 if about.line else 0)
    return Result("policies", "policy", Verdict.UNDECIDABLE, _CODES[Verdict.UNDECIDABLE], message, fix, *where)


def tell_finding(about: Looked, finding: Finding, fix: str, clues: Iterable["Clue"]) -> Result:
    """Say what a policy found, with the parts of its expression that failed."""
    verdict = Verdict.ALLOW if finding.waiver else finding.verdict
    return Result(
        finding.policy,
        finding.layer,
        verdict,
        _CODES[verdict],
        f"{finding.path}: {finding.message}" if finding.path else finding.message,
        fix,
        about.object,
        about.file,
        about.line,
        1 if about.line else 0,
        finding.controls,
        tuple((clue.text, _shown(clue.value)) for clue in clues),
        finding.waiver or None,
    )


def _shown(value: object) -> str:
    """Write a value as CEL would, cut to what a line can hold."""
    if isinstance(value, Failure):
        return f"an error: {value.reason}"
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
