"""Reads files and folders into validated documents, sorted by kind and name."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tenantry.contract.model import Baseline, Department, Grant, Site, Waiver
from tenantry.contract.reading.document import Document
from tenantry.contract.reading.reader import read_file
from tenantry.contract.reading.schema import validate
from tenantry.contract.structure import structure
from tenantry.problems import InputError, Problem, problem

T = TypeVar("T")

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_MOST_FILES = 20_000


@dataclass(frozen=True, slots=True)
class Documents:
    """What the files say, validated by schema, by name. Requests are as they were written, not yet completed."""

    requests: tuple[Document, ...] = ()
    sites: Mapping[str, Site] = field(default_factory=dict)
    departments: Mapping[str, Department] = field(default_factory=dict)
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    sources: Mapping[tuple[str, str], Document] = field(default_factory=dict)
    """Where each document but a request was read, by kind and name."""


def read_documents(paths: Sequence[Path], root: Path | None = None) -> tuple[Documents, list[Problem]]:
    """Read and validate all documents of files and folders; give the sound ones, and all problems of all files.

    Folders are walked for YAML and JSON files. A link that leads out of `root` (by default: out of the folder that was
    walked) is a problem; a file that is named itself may lie anywhere unless `root` is given.
    """
    sound: list[Document] = []
    problems: list[Problem] = []
    for file, inside in _files(paths, root):
        documents, faults = read_file(file, inside)
        problems.extend(faults)
        for document in documents:
            found = validate(document)
            problems.extend(found)
            if not found and not faults:
                sound.append(document)
    return _sorted_out(sound, problems), problems


def _files(paths: Sequence[Path], root: Path | None) -> Iterator[tuple[Path, Path | None]]:
    seen: set[Path] = set()
    for path in paths:
        found: Iterator[tuple[Path, Path | None]] = iter([(path, root)])
        if path.is_dir():
            found = ((file, root or path) for file in _walk(path))
        for file, inside in found:
            same = Path(os.path.normpath(file.absolute()))
            if same not in seen:
                seen.add(same)
                yield file, inside


def _walk(folder: Path) -> list[Path]:
    files: list[Path] = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(Path(where, name) for name in sorted(names) if Path(name).suffix.lower() in SUFFIXES)
        if len(files) > _MOST_FILES:
            what = f"the folder holds more than {_MOST_FILES} YAML and JSON files"
            raise InputError(problem("TEN-101", what, "name the folders that hold requests", file=str(folder)))
    return files


def _sorted_out(sound: Sequence[Document], problems: list[Problem]) -> Documents:
    return Documents(
        requests=tuple(document for document in sound if document.kind == "Tenant"),
        sites=_named("Site", Site, sound, problems),
        departments=_named("Department", Department, sound, problems),
        waivers=_named("Waiver", Waiver, sound, problems),
        grants=_named("Grant", Grant, sound, problems),
        baselines=_named("Baseline", Baseline, sound, problems),
        sources={(document.kind, document.name): document for document in reversed(sound) if document.kind != "Tenant"},
    )


def _named(kind: str, cls: type[T], sound: Sequence[Document], problems: list[Problem]) -> dict[str, T]:
    values: dict[str, T] = {}
    first: dict[str, Document] = {}
    for document in sound:
        if document.kind != kind:
            continue
        name = document.name
        if name in first:
            what = f"the {kind.lower()} {name} is already in {first[name].file}:{first[name].start.line}"
            problems.append(
                document.problem("TEN-131", what, "give it another name, or remove one", ("metadata", "name"))
            )
            continue
        first[name] = document
        values[name] = structure(document.data, cls)
    return values
