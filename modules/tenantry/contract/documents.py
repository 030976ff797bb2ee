"""Reads files and folders into validated documents, sorted by kind and name."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tenantry.contract.model import Baseline, Department, Grant, Site, Waiver
from tenantry.contract.reading.document import Document
from tenantry.contract.reading.reader import file_name, read_file
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
    context_files: frozenset[str] = frozenset()
    """Files that were read only for what the others refer to."""


def read_documents(
    paths: Sequence[Path], root: Path | None = None, context: Sequence[Path] = ()
) -> tuple[Documents, list[Problem]]:
    """Read and validate all documents of files and folders; give the sound ones, and all problems of all files.

    Folders are walked for YAML and JSON files. A link that leads out of `root` (by default: out of the folder that was
    walked) is a problem; a file that is named itself may lie anywhere unless `root` is given. What only `context` names
    is read first, so that of two documents at odds the later, which is told of it, is the one that `paths` names.
    """
    named = _files(paths, root)
    around = {same: found for same, found in _files(context, None).items() if same not in named}
    sound: list[Document] = []
    problems: list[Problem] = []
    for file, inside in [*around.values(), *named.values()]:
        documents, faults = read_file(file, inside)
        problems.extend(faults)
        for document in documents:
            found = validate(document)
            problems.extend(found)
            if not found and not faults:
                sound.append(document)
    return _sorted_out(sound, frozenset(file_name(file) for file, _ in around.values()), problems), problems


def _files(paths: Sequence[Path], root: Path | None) -> dict[Path, tuple[Path, Path | None]]:
    """Find the files, each once however often it is named; with each, the folder that it may not lead out of."""
    found: dict[Path, tuple[Path, Path | None]] = {}
    for path in paths:
        folder = path.is_dir()
        for file in _walk(path) if folder else [path]:
            found.setdefault(Path(os.path.normpath(file.absolute())), (file, root or path if folder else root))
    return found


def _walk(folder: Path) -> list[Path]:
    files: list[Path] = []
    # What can't be entered, and links to folders, are handed on as they are: reading them gives the problem.
    for where, folders, names in os.walk(folder, onerror=lambda error: files.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(link for name in folders if (link := Path(where, name)).is_symlink())
        files.extend(Path(where, name) for name in sorted(names) if Path(name).suffix.lower() in SUFFIXES)
        if len(files) > _MOST_FILES:
            what = f"the folder holds more than {_MOST_FILES} YAML and JSON files"
            raise InputError(problem("TEN-101", what, "name the folders that hold requests", file=str(folder)))
    return files


def _sorted_out(sound: Sequence[Document], around: frozenset[str], problems: list[Problem]) -> Documents:
    return Documents(
        requests=tuple(document for document in sound if document.kind == "Tenant"),
        sites=_named("Site", Site, sound, problems),
        departments=_named("Department", Department, sound, problems),
        waivers=_named("Waiver", Waiver, sound, problems),
        grants=_named("Grant", Grant, sound, problems),
        baselines=_named("Baseline", Baseline, sound, problems),
        sources={(document.kind, document.name): document for document in reversed(sound) if document.kind != "Tenant"},
        context_files=around,
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
