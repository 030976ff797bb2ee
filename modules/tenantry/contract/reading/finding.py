"""Finds the files that paths name, and the government's folder around them."""

import os
from collections.abc import Sequence
from pathlib import Path

from tenantry.contract.reading.source import file_name
from tenantry.problems import InputError, Problem, problem

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
CONTEXT_FOLDERS = ("sites", "departments")
"""The folders that make a folder a government's: what requests refer to."""
MOST_FILES = 20_000
MOST_FOLDERS_DEEP = 100
"""How deep folders may lie in each other; walking goes as deep as Python's stack."""


def find_files(paths: Sequence[Path], root: Path | None) -> dict[Path, tuple[Path, Path | None]]:
    """Find the files, each once however often it is named; with each, the folder that no link may lead out of.

    That is `root`; without it the government's folder around a path, else the folder that is walked, else, for a link
    that is named itself, the folder that it lies in. Folders are walked for YAML and JSON files; hidden ones, whose
    names begin with a dot, are passed over. Raises InputError for a folder with too many files, or folders too deep.
    """
    found: dict[Path, tuple[Path, Path | None]] = {}
    for path in paths:
        tree = root or _tree(path)
        for file in _walk(path) if _is_folder(path) else [path]:
            found.setdefault(_as_written(file), (file, tree))
    return found


def government_root(path: Path) -> Path | None:
    """Give the nearest folder, from a path upwards, that holds a government's `sites` or `departments`.

    Upwards of the path as it is written first, then of where its links lead.
    """
    return _root_above(_as_written(path)) or _root_above(Path(os.path.realpath(path)))


def is_there(path: Path) -> bool:
    """Say whether there is a file or folder of that name."""
    return os.path.exists(path)  # noqa: PTH110 - a Path's own raises for names too long, and where it may not look


def _root_above(path: Path) -> Path | None:
    for folder in (path, *path.parents):
        if any(_is_folder(folder / name) for name in CONTEXT_FOLDERS):
            return folder
    return None


def _as_written(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - as above


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - as above


def _tree(path: Path) -> Path | None:
    if (government := _root_above(_as_written(path))) is not None:
        return government
    if _is_folder(path):
        return path
    return path.parent if _is_link(path) else None


def _walk(folder: Path) -> list[Path]:
    files: list[Path] = []
    # What can't be entered, and links to folders, are handed on as they are: reading them gives the problem.
    for where, folders, names in os.walk(folder, onerror=lambda error: files.append(Path(error.filename))):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files.extend(link for name in folders if (link := Path(where, name)).is_symlink())
        files.extend(Path(where, name) for name in sorted(names) if _is_ours(name))
        if len(files) > MOST_FILES:
            raise InputError(_too_large(folder, f"more than {MOST_FILES} YAML and JSON files"))
        if len(Path(where).parts) - len(folder.parts) > MOST_FOLDERS_DEEP:
            raise InputError(_too_large(folder, f"folders more than {MOST_FOLDERS_DEEP} deep in each other"))
    return files


def _too_large(folder: Path, why: str) -> Problem:
    what = f"the folder holds {why}"
    return problem("TEN-101", what, "name the folders that hold requests", file=file_name(folder))


def _is_ours(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
