"""Frameworks of controls: the files in `policies/controls`, each held to the JSON Schema beside them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, cast

import orjson
from jsonschema.protocols import Validator

from tenantry.contract.reading.document import Document
from tenantry.contract.reading.document import Path as Way
from tenantry.contract.reading.reader import read_file
from tenantry.contract.reading.schema import make_validator
from tenantry.contract.reading.sentences import problems_of
from tenantry.contract.structure import structure
from tenantry.data import controls_dir
from tenantry.problems import InputError, Problem, problem


class Judged(StrEnum):
    """How a control can be judged: by a policy, by people, or by another party, as what is physical is."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"
    OUTSIDE = "outside"


class State(StrEnum):
    """Whether somebody has read in the source that a policy tests what the control says."""

    VERIFIED = "verified"
    ASSERTED = "asserted"


@dataclass(frozen=True, slots=True)
class Source:
    """A text that rows refer to. `place` is where it was read; without it nobody has read it."""

    document: str
    place: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """Why a policy names a control; `source` is the short name of a text."""

    state: State
    source: str
    says: str | None


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement of a framework, with the row of each policy that names it."""

    number: str
    title: str
    judged: Judged
    why: str | None
    policies: Mapping[str, Row]


@dataclass(frozen=True, slots=True)
class Framework:
    """A published framework; `scope` says what of it is listed, and where numbers and titles are from."""

    name: str
    title: str
    publisher: str
    scope: str
    sources: Mapping[str, Source]
    controls: tuple[Control, ...]


def load_frameworks(folder: Path | None = None) -> tuple[Framework, ...]:
    """Read the frameworks of a folder, by default those that ship with this version, in the order of their names.

    Raises InputError with every problem of every file.
    """
    found: list[Framework] = []
    problems: list[Problem] = []
    for file in sorted((folder or controls_dir()).glob("*.yaml")):
        documents, faults = read_file(file)
        problems += faults
        for document in documents:
            wrong = _broken(document)
            if not wrong:
                found.append(structure(document.data, Framework))
                wrong = list(_contradictions(document, found[-1]))
            problems += wrong
    if problems:
        raise InputError(sorted(problems))
    return tuple(found)


def choose_frameworks(frameworks: Iterable[Framework], names: Iterable[str]) -> tuple[Framework, ...]:
    """Give the frameworks of these names, or all where none is named. Raises InputError (TEN-630)."""
    known = {one.name: one for one in frameworks}
    fix = f"choose among {', '.join(known)}"
    wrong = [problem("TEN-630", f"there is no framework {name}", fix) for name in names if name not in known]
    if wrong:
        raise InputError(wrong)
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(known.values())


@cache
def _validator() -> Validator:
    schema = orjson.loads((controls_dir() / "schema.json").read_bytes())
    return make_validator(schema, schema.get("$defs", {}))


def _broken(document: Document) -> list[Problem]:
    errors = _validator().iter_errors(cast("Any", document.data))
    return [found for error in errors for found in problems_of(error, document, ())]


def _contradictions(document: Document, framework: Framework) -> Iterator[Problem]:
    """Give what is wrong beyond the schema: names and numbers that clash, and rows without ground."""
    if framework.name != (stem := Path(document.file).stem):
        what = f"the file of {framework.name} is named {stem}"
        yield document.problem("TEN-631", what, "let name and file agree", ("name",))
    numbers: set[str] = set()
    for index, control in enumerate(framework.controls):
        here: Way = ("controls", index)
        if control.number in numbers:
            what = f"control {control.number} is listed twice"
            yield document.problem("TEN-631", what, "make one of the two", (*here, "number"))
        numbers.add(control.number)
        if (control.judged is Judged.AUTOMATIC) == bool(control.why):
            what = f"control {control.number} is judged {control.judged}, {'with' if control.why else 'without'} a why"
            fix = "say why where it can't be judged automatically, and only there"
            yield document.problem("TEN-631", what, fix, (*here, "judged"))
        for policy, row in control.policies.items():
            if fault := _lacking(row, framework.sources):
                what = f"{policy} for control {control.number} {fault}"
                fix = "name one of sources that has a place, or let the row be asserted"
                yield document.problem("TEN-631", what, fix, (*here, "policies", policy))


def _lacking(row: Row, sources: Mapping[str, Source]) -> str:
    """Give what a row lacks to be believed; nothing where it lacks nothing."""
    if row.source not in sources:
        return f"refers to {row.source}, which isn't among the sources"
    if row.state is State.VERIFIED and not sources[row.source].place:
        return f"is verified by {row.source}, which nobody has read"
    return ""
