"""Sorts files: requests and their like go to the contract, manifests to the policies."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.contract.reading.finding import find_files
from tenantry.contract.reading.schema import API_VERSION
from tenantry.contract.reading.source import file_name, leads_out
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.policy import Placed, read_text
from tenantry.policy.reading.manifests import read_file
from tenantry.problems import InputError, Problem

STDIN = "-"
"""The path that stands for standard input."""
_NAMED = re.compile(
    rb"""(?:^|[\s{,"'])(apiVersion|kind)["']?[ \t]*:[ \t]*["']?([\w./-]+)""",
)


@dataclass
class Gathered:
    """What is to be checked; `foreign` are files without a document for the contract, `mixed` those with both."""

    paths: list[Path] = field(default_factory=list)
    foreign: set[Path] = field(default_factory=set)
    mixed: set[Path] = field(default_factory=set)
    manifests: list[Placed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def gather(paths: Sequence[Path], stdin: str | None = None) -> Gathered:
    """Find all files below paths and sort them by what they hold; `stdin` is the text behind the path `-`."""
    found = Gathered([path for path in paths if str(path) != STDIN])
    for same, (file, tree) in find_files(found.paths, None).items():
        if tree is not None and leads_out(file, tree):
            continue  # the contract says so
        foreign, ours = _holds(file)
        if foreign and not ours:
            found.foreign.add(same)
        elif foreign:
            found.mixed.add(same)
        if foreign:
            _read(found, file)
    if stdin is not None:
        _collect(found, lambda: read_text(stdin, "standard input"))
    return found


def is_object(api_version: str, kind: str) -> bool:
    """Say whether policies judge a kind: one of Kubernetes' or of others, or one that is rendered for object stores."""
    return not api_version.startswith(f"{API_VERSION.partition('/')[0]}/") or kind in STORE_KINDS


def _holds(file: Path) -> tuple[bool, bool]:
    """Say whether a file seems to hold objects, and documents of the contract; reading it shows for certain."""
    try:
        text = file.read_bytes()
    except OSError:
        return False, True  # the contract says so
    named: dict[bytes, set[str]] = {b"apiVersion": set(), b"kind": set()}
    for key, value in _NAMED.findall(text):
        named[key].add(value.decode())
    objects = {is_object(version, kind) for version in named[b"apiVersion"] for kind in named[b"kind"] or {""}}
    return True in objects, False in objects or not objects


def _read(found: Gathered, file: Path) -> None:
    _collect(found, lambda: read_file(file, file_name(file)))


def _collect(found: Gathered, read: Callable[[], Iterable[Placed]]) -> None:
    try:
        placed = list(read())
    except InputError as error:
        found.problems += error.problems
        return
    found.manifests += (one for one in placed if is_object(one.manifest["apiVersion"], one.manifest["kind"]))
