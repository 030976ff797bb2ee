"""What grants are used for, by access logs, a government's documents, and what stores know of whose keys are whose."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tenantry.contract.load import load_baseline
from tenantry.contract.model import Baseline, Grant
from tenantry.files import write_atomic
from tenantry.fleet.selection import Selection
from tenantry.metering.meters import Meter, Meters, make_meter
from tenantry.metering.page import write_page
from tenantry.metering.reading import Moved, parse, read_lines, tells_of_a_call
from tenantry.metering.report import DOCUMENT, PAGE, write_report
from tenantry.metering.tally import Fate, Seen, Tally
from tenantry.paths import state_dir
from tenantry.problems import Problem, problem


@dataclass(frozen=True, slots=True)
class Usage:
    """What grants were used for, as a document, and what is to be told of the logs."""

    report: dict[str, Any]
    problems: tuple[Problem, ...]

    @property
    def files(self) -> dict[str, bytes]:
        """The report and its page, by their files' names."""
        written = orjson.dumps(self.report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return {DOCUMENT: written, PAGE: write_page(self.report).encode()}


class KnownKeys:
    """Whose access keys are: those that sites' stores know, and those that they knew when they were asked before.

    A key is changed every day and forgotten by its store; the ids, which are no secret, are kept in the state folder.
    """

    def __init__(self, sites: Sequence[str]) -> None:
        self._sites, self._file, self._asked = sites, state_dir() / "access-keys.json", False
        try:
            kept = orjson.loads(self._file.read_bytes())
        except (OSError, ValueError):
            kept = {}
        self._users: dict[str, str] = kept if isinstance(kept, dict) else {}

    def find(self, key: str) -> str | None:
        """Give the user of a key. The stores are asked once. Raises UnreachableError where one can't be."""
        if key not in self._users and not self._asked:
            self._ask()
        return self._users.get(key)

    def _ask(self) -> None:
        # Imported here: for the logs of stores that name users and roles, nobody waits for boto3.
        from tenantry.objectstore.identities import list_keys
        from tenantry.objectstore.store import open_store

        self._asked = True
        found: dict[str, str] = {}
        for site in self._sites:
            store = open_store(site)
            # Whoever has the administrator's is the consumer of no grant.
            found |= {store.credentials[0]: "", **list_keys(store)}
        if found.items() - self._users.items():
            self._users |= found
            write_atomic(self._file, orjson.dumps(self._users, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def measure_grants(selection: Selection, logs: Iterable[Path], moved: Moved, *, every: bool) -> Usage:
    """Count what grants of datasets are used for: those of metered classes, or `every` one of them.

    Raises InputError where a log can't be read (TEN-572); UnreachableError where a log names keys and a store can't be
    asked whose they are.
    """
    meters = Meters(_meters(selection, every=every))
    keys = KnownKeys([name for name, site in sorted(selection.sites.items()) if site.can("iam.users")])
    tally = Tally(meters, keys.find)
    problems: list[Problem] = []
    with Seen() as seen:
        for log in logs:
            problems.extend(_count(log, moved, tally, seen))
    if unknown := tally.fates[Fate.UNKNOWN]:
        several = "request" if unknown == 1 else "requests"
        what = f"{unknown} {several} below granted datasets came with keys that no store knows"
        fix = "count the logs of a day before `tenantry sync` has changed the keys twice"
        problems.append(problem("TEN-571", what, fix))
    return Usage(write_report(tally), tuple(problems))


def _meters(selection: Selection, *, every: bool) -> Iterator[Meter]:
    own = load_baseline()
    pinned = {one.tenant.id: one.baseline for one in selection.planned}
    for grant in selection.documents.grants.values():
        meter = make_meter(grant, selection.tenants)
        if meter is not None and (every or _is_metered(grant, pinned.get(grant.spec.provider, own))):
            yield meter


def _is_metered(grant: Grant, baseline: Baseline) -> bool:
    return baseline.controls(grant.spec.ceiling).metered


def _count(log: Path, moved: Moved, tally: Tally, seen: Seen) -> Iterator[Problem]:
    """Count a log's lines; tell of those that can't be read (TEN-570)."""
    unreadable, first = 0, 0
    for number, line in enumerate(read_lines(log, moved), start=1):
        if line is not None and not tells_of_a_call(line):
            continue
        if tally.count(parse(line) if line is not None else None, seen) is Fate.UNREADABLE:
            unreadable, first = unreadable + 1, first or number
    if unreadable:
        what = f"{unreadable} line{'' if unreadable == 1 else 's'} can't be read as a request's, from line {first} on"
        fix = "see whether it is S3's access log, or Ceph's ops log; what can't be read isn't counted"
        yield problem("TEN-570", what, fix, file=str(log), line=first)
