"""Programs of the policies that ship, kept in the user's cache from one run to the next.

To parse and check an expression takes a hundred times as long as to run it, and the policies that ship are the same in
each run. What is kept can be made again; of policies or a code that have changed since, nothing is used.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cel_expr_python import cel

from tenantry.files import write_atomic
from tenantry.policy.admission.programs import Expression, Programs
from tenantry.policy.documents.model import Placed, Source


class KeptPrograms:
    """What is known of a set of policies: its documents, and each program that was made so far.

    A program is in the engine's own serialised form; a file that is damaged is begun anew.
    """

    def __init__(self, file: Path, sources: Iterable[Path]) -> None:
        self._file = file
        self._stamp = _stamp(sources)
        self._data: dict[str, Any] = _read(file, self._stamp)
        self._added: dict[str, Any] = {}

    def find_documents(self) -> list[Placed] | None:
        """The policies' documents, if they were read before."""
        found = self._data.get("documents")
        return found and [Placed(manifest, Source(file, line)) for manifest, file, line in found]

    def add_documents(self, documents: Iterable[Placed]) -> None:
        """Keep the policies' documents."""
        self._add("documents", [(one.manifest, one.source.file, one.source.line) for one in documents])

    def find_programs(self, policy: str) -> Programs | None:
        """A policy's programs, if they were made before."""
        found = self._data.get(f"policy {policy}")
        return found and _thaw(found)

    def add_programs(self, policy: str, programs: Programs) -> None:
        """Keep a policy's programs."""
        self._add(f"policy {policy}", _freeze(programs))

    def find_joined(self, policies: Sequence[str], *, wary: bool) -> bytes | None:
        """The one program of several policies, if it was made before."""
        found = self._data.get(_name_joined(policies, wary=wary))
        return found and b64decode(found)

    def add_joined(self, policies: Sequence[str], program: bytes, *, wary: bool) -> None:
        """Keep the one program of several policies."""
        self._add(_name_joined(policies, wary=wary), b64encode(program).decode())

    def _add(self, key: str, value: object) -> None:
        self._data[key] = self._added[key] = value

    def take(self) -> dict[str, Any]:
        """Hand over what was added, for a process whose programs another one saves."""
        added, self._added = self._added, {}
        return added

    def merge(self, added: Mapping[str, Any]) -> None:
        """Keep what another process added."""
        self._data |= added
        self._added |= added

    def save(self) -> None:
        """Write what was added; where the cache can't be written, the next run makes it again."""
        if not self._added:
            return
        content = orjson.dumps(self._data)
        head = sha256(self._stamp + content).hexdigest().encode()
        try:
            write_atomic(self._file, head + b"\n" + content)
        except OSError:
            return
        self._added = {}


def _name_joined(policies: Sequence[str], *, wary: bool) -> str:
    return f"joined{' warily' if wary else ''} {' '.join(policies)}"


def _stamp(sources: Iterable[Path]) -> bytes:
    """Digest all that the programs hang on: the policies' text, the code that makes them, and the engine."""
    digest = sha256()
    for source in sources:
        digest.update(f"{source}\0".encode() + source.read_bytes() + b"\0")
    code = sorted(Path(__file__).parents[1].rglob("*.py"))
    for file in (*code, Path(cel.__file__)):
        found = file.stat()
        digest.update(f"{file} {found.st_size} {found.st_mtime_ns}\0".encode())
    return digest.digest()


def _read(file: Path, stamp: bytes) -> dict[str, Any]:
    try:
        head, _, content = file.read_bytes().partition(b"\n")
    except OSError:
        return {}
    if head != sha256(stamp + content).hexdigest().encode():
        return {}
    return dict(orjson.loads(content))


def _freeze(programs: Programs) -> dict[str, Any]:
    return {
        "minor": programs.minor,
        "conditions": [_freeze_one(one) for one in programs.conditions],
        "validations": [_freeze_one(one) for one in programs.validations],
        "messages": [one and _freeze_one(one) for one in programs.messages],
        "annotations": [_freeze_one(one) for one in programs.annotations],
        "all_well": _freeze_one(programs.all_well),
        "names": sorted(programs.names),
        "namespace_reads": programs.namespace_reads,
        "asks_server": programs.asks_server,
    }


def _freeze_one(expression: Expression) -> tuple[str, str]:
    return expression.text, b64encode(expression.program).decode()


def _thaw(found: dict[str, Any]) -> Programs:
    return Programs(
        found["minor"],
        tuple(map(_thaw_one, found["conditions"])),
        tuple(map(_thaw_one, found["validations"])),
        tuple(one and _thaw_one(one) for one in found["messages"]),
        tuple(map(_thaw_one, found["annotations"])),
        _thaw_one(found["all_well"]),
        frozenset(found["names"]),
        tuple(map(tuple, found["namespace_reads"])),
        found["asks_server"],
    )


def _thaw_one(found: Sequence[str]) -> Expression:
    text, program = found
    return Expression(text, program=b64decode(program))
