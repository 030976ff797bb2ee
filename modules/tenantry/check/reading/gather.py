"""Sorts files: requests and their like go to the contract, manifests and Pulumi's plans to the policies."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tenantry.contract.reading.finding import find_files
from tenantry.contract.reading.schema import HOST_FACTS, is_of_our_group
from tenantry.contract.reading.source import file_name, leads_out, read_bytes
from tenantry.objectstore.spec import KINDS as STORE_KINDS
from tenantry.policy import Placed, read_text
from tenantry.policy.kinds.table import OWN_GROUP
from tenantry.policy.reading.manifests import MOST_BYTES, Unread, read_file, split_text
from tenantry.problems import InputError, Problem, problem

if TYPE_CHECKING:
    from tenantry.check.reading.plans import Plan

STDIN = "-"
"""The path that stands for standard input."""
PIPE = "standard input"
"""What problems call it."""
_LARGE = 256 * 1024
_NAMED = re.compile(rb"""(?:^|[\s{,"'])(apiVersion|kind)["']?[ \t]*:[ \t]*["']?([\w./-]+)""")


class UnforeseenError(Exception):
    """A document that was left unread has to be read before others are judged, or can't be read."""


@dataclass
class Gathered:
    """What is to be checked; `foreign` are files without a document for the contract, `mixed` those with both.

    `piped` is standard input where it has documents for the contract that it can judge by themselves.
    `plans` are Pulumi's: what they ask for is among the manifests. `unread` are the documents of large files that have
    none for the contract, where they're left to who judges them.
    """

    paths: list[Path] = field(default_factory=list)
    foreign: set[Path] = field(default_factory=set)
    mixed: set[Path] = field(default_factory=set)
    manifests: list[Placed] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    plans: list["Plan"] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    piped: dict[str, str] = field(default_factory=dict)


def gather(paths: Sequence[Path], stdin: str | None = None, *, later: bool = False) -> Gathered:
    """Find all files below paths and sort them by what they hold.

    Args:
        paths: Files and folders.
        stdin: The text behind the path `-`.
        later: Whether the documents of large files may be left unread.
    """
    found = Gathered([path for path in paths if str(path) != STDIN])
    for same, (file, tree) in find_files(found.paths, None).items():
        text = _look_into(file, tree)
        if later and _leave_unread(found, text, file_name(file)):
            found.foreign.add(same)
            continue
        objects, ours = _seems_to_hold(text)
        if _add_plan(found, text, file_name(file)):
            found.foreign.add(same)
        elif objects:
            others = _collect(found, partial(read_file, file, file_name(file)))
            (found.mixed if ours or others else found.foreign).add(same)
    if stdin is None or (later and _leave_unread(found, stdin.encode(errors="surrogatepass"), PIPE)):
        return found
    if not _add_plan(found, stdin.encode(errors="replace"), PIPE):
        others = _collect(found, partial(read_text, stdin, PIPE))
        if any(one.manifest["kind"] == HOST_FACTS for one in others):
            found.piped[PIPE] = stdin
        found.problems += (_not_here(one) for one in others if one.manifest["kind"] != HOST_FACTS)
    return found


def _look_into(file: Path, tree: Path | None) -> bytes:
    """Give what a file holds; what can't or mustn't be read is left to the contract, which says why."""
    try:
        return b"" if tree is not None and leads_out(file, tree) else read_bytes(file, MOST_BYTES)
    except (InputError, OSError):
        return b""


def _leave_unread(found: Gathered, text: bytes, file: str) -> bool:
    """Add the documents of a large text as they are, where it holds only objects; say whether that is so."""
    if len(text) < _LARGE or OWN_GROUP.encode() in text or b'"urn:pulumi:' in text or not _NAMED.search(text):
        return False
    try:
        found.unread += split_text(text.decode("utf-8-sig"), file)
    except (UnicodeDecodeError, InputError):
        return False
    return True


def _add_plan(found: Gathered, text: bytes, file: str) -> bool:
    """Add what a plan of Pulumi's asks for; say whether it is one."""
    if text.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{" or b'"urn:pulumi:' not in text:
        return False
    # Imported here: who checks no plan doesn't wait for it.
    from tenantry.check.reading.plans import read_plan

    try:
        plan = read_plan(text, file)
    except InputError as error:
        found.problems += error.problems
        return True
    if plan is not None:
        found.plans.append(plan)
        found.manifests += plan.manifests
    return plan is not None


def _seems_to_hold(text: bytes) -> tuple[bool, bool]:
    """Say whether a file seems to hold objects, and documents of the contract; reading it shows for certain."""
    named: dict[bytes, set[str]] = {b"apiVersion": set(), b"kind": set()}
    for match in _NAMED.finditer(text):
        named[match[1]].add(match[2].decode())
    objects = {_is_object(version, kind) for version in named[b"apiVersion"] for kind in named[b"kind"] or {""}}
    return True in objects, False in objects


def _is_object(api_version: str, kind: str) -> bool:
    """Say whether policies judge a kind: one of Kubernetes' or of others, or one that is rendered for object stores."""
    return not is_of_our_group(api_version) or kind in STORE_KINDS


def _collect(found: Gathered, read: Callable[[], Iterable[Placed]]) -> list[Placed]:
    """Add the objects of a file to what was found; give its other documents, which are the contract's."""
    try:
        placed = list(read())
    except InputError as error:
        found.problems += error.problems
        return []
    others: list[Placed] = []
    for one in placed:
        is_object = _is_object(one.manifest["apiVersion"], one.manifest["kind"])
        (found.manifests if is_object else others).append(one)
    return others


def _not_here(placed: Placed) -> Problem:
    what = f"a {placed.manifest['kind']} can't be checked from standard input: it is judged with the files around it"
    source = placed.source
    return problem("TEN-614", what, "write it to a file, and name that", file=source.file, line=source.line, column=1)
