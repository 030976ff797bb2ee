"""Reads files and folders into validated documents, sorted by kind and name."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tenantry.contract.model import Baseline, Department, Grant, Inventory, Retirement, Site, Waiver
from tenantry.contract.reading.document import Document, cut
from tenantry.contract.reading.finding import find_files
from tenantry.contract.reading.reader import read_file, read_text
from tenantry.contract.reading.schema import HOST_FACTS, MOST_PROBLEMS, is_foreign, is_of_our_group, validate
from tenantry.contract.reading.source import file_name
from tenantry.contract.structure import structure
from tenantry.problems import Problem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Documents:
    """What the files say, validated by schema, by name. Requests are as they were written, not yet completed."""

    requests: tuple[Document, ...] = ()
    sites: Mapping[str, Site] = field(default_factory=dict)
    departments: Mapping[str, Department] = field(default_factory=dict)
    waivers: Mapping[str, Waiver] = field(default_factory=dict)
    grants: Mapping[str, Grant] = field(default_factory=dict)
    retirements: Mapping[str, Retirement] = field(default_factory=dict)
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    inventories: Mapping[str, Inventory] = field(default_factory=dict)
    hosts: tuple[Document, ...] = ()
    """The facts of hosts, which are for policies to judge. A host may have several, of different times."""
    sources: Mapping[tuple[str, str], Document] = field(default_factory=dict)
    """Where each document but a request and a host's facts was read, by kind and name."""
    broken: tuple[Document, ...] = ()
    """Those with problems of their own, so that others who refer to them aren't told that there is no such thing."""
    context_files: frozenset[str] = frozenset()
    """Files that were read only for what the others refer to."""

    @property
    def claimants(self) -> tuple[Document, ...]:
        """Every request, broken ones too; those that were read only as context come first."""
        broken = [document for document in self.broken if document.text("kind") == "Tenant"]
        around = [document for document in broken if document.file in self.context_files]
        return (*around, *self.requests, *(document for document in broken if document not in around))

    @property
    def ending(self) -> Mapping[str, Retirement]:
        """The retirements by the id of the tenant that ends, or has ended: the request may be gone by then."""
        return {one.spec.tenant: one for one in self.retirements.values()}

    def data_of(self, kind: str) -> list[dict[str, Any]]:
        """Give a kind's documents as they were written, for whom they are parameters of policies."""
        return [dict(one.data) for (named, _), one in self.sources.items() if named == kind]

    def broken_ones(self, kind: str) -> dict[str, str]:
        """Give the names of a kind's documents that have problems, and where each stands."""
        named = {d.text("metadata", "name"): d.at for d in self.broken if d.text("kind") == kind}
        return {name: place for name, place in named.items() if name is not None}


def read_documents(
    paths: Sequence[Path],
    root: Path | None = None,
    context: Sequence[Path] = (),
    *,
    foreign: Collection[Path] = (),
    mixed: Collection[Path] = (),
    others: Collection[str] = (),
    piped: Mapping[str, str] | None = None,
) -> tuple[Documents, list[Problem]]:
    """Read and validate all documents of files and folders; give the sound ones, and all problems of all files.

    A link that leads out of its tree (`root`; else see `find_files`) is a problem. What only `context` names is read
    first, so that of two documents at odds the later, which is told of it, is the one that `paths` names; and what
    isn't one of tenantry's documents there is passed over. So it is in the files `mixed`, with kinds
    of tenantry's own that are `others`' business; `foreign` files aren't read at all. Of texts that are in no file,
    `piped` by what problems call them, only the facts of hosts are taken.
    """
    named = find_files(paths, root)
    around = {same: found for same, found in find_files(context, None).items() if same not in named}
    sifted = _Sifted([], [], [])
    for same, (file, inside) in [*around.items(), *named.items()]:
        if same in foreign:
            continue
        documents, faults = read_file(file, inside)
        if same in around or same in mixed:
            nested = [] if same in around else _nested(documents, others)
            documents = tuple(d for d in documents if not is_foreign(d) and (d.text("kind") or "") not in others)
            faults = (*faults, *nested)
        _sift(documents, faults, sifted)
    for name, text in (piped or {}).items():
        documents, faults = read_text(text, name)
        facts = [document for document in documents if document.text("kind") == HOST_FACTS and not is_foreign(document)]
        _sift(facts, (*faults, *_nested(documents, others)), sifted)
    context_files = frozenset(file_name(file) for file, _ in around.values())
    return _sorted_out(sifted, context_files), sifted.problems


def _nested(documents: Sequence[Document], others: Collection[str]) -> Iterator[Problem]:
    """Refuse documents of tenantry's within a list of Kubernetes', where they would be passed over."""
    for document in documents:
        items = document.data.get("items") if isinstance(document.data, dict) and is_foreign(document) else None
        for number, item in enumerate(items if isinstance(items, list) else ()):
            version, kind = (item.get("apiVersion"), item.get("kind")) if isinstance(item, dict) else ("", "")
            if is_of_our_group(str(version)) and kind not in others:
                what = f"the {cut(str(kind))} stands within a list, where it isn't read"
                yield document.problem("TEN-642", what, "write it as a document of its own", ("items", number))


class _Sifted(NamedTuple):
    """What was read so far."""

    sound: list[Document]
    broken: list[Document]
    problems: list[Problem]


def _sift(documents: Sequence[Document], faults: Sequence[Problem], into: _Sifted) -> None:
    """Validate the documents of one file, and leave out problems that only follow from a fault at the same place."""
    into.problems.extend(faults)
    places = {(fault.line, fault.column) for fault in faults}
    count = 0
    for number, document in enumerate(documents):
        if count >= MOST_PROBLEMS:
            what = f"the file has more documents, which weren't looked at after {count} problems"
            into.problems.append(document.problem("TEN-129", what, "mend these, then check again"))
            into.broken.extend(documents[number:])
            return
        found = [one for one in validate(document) if (one.line, one.column) not in places]
        into.problems.extend(found)
        count += len(found)
        (into.broken if faults or found else into.sound).append(document)


def _sorted_out(sifted: _Sifted, around: frozenset[str]) -> Documents:
    sound = sifted.sound
    return Documents(
        requests=tuple(document for document in sound if document.kind == "Tenant"),
        sites=_named("Site", Site, sifted),
        departments=_named("Department", Department, sifted),
        waivers=_named("Waiver", Waiver, sifted),
        grants=_named("Grant", Grant, sifted),
        retirements=_named("Retirement", Retirement, sifted),
        baselines=_named("Baseline", Baseline, sifted),
        inventories=_named("Inventory", Inventory, sifted),
        hosts=tuple(document for document in sound if document.kind == HOST_FACTS),
        sources={(one.kind, one.name): one for one in reversed(sound) if one.kind not in ("Tenant", HOST_FACTS)},
        broken=tuple(sifted.broken),
        context_files=around,
    )


def _named(kind: str, cls: type[T], sifted: _Sifted) -> dict[str, T]:
    """Build one kind's values by name; of two with the same name, the later is told and counts as broken."""
    values: dict[str, T] = {}
    first: dict[str, Document] = {}
    for document in sifted.sound:
        if document.kind != kind:
            continue
        name = document.name
        if name in first:
            what = f"the {kind.lower()} {name} is already in {first[name].at}"
            fix = "give it another name, or remove one"
            sifted.problems.append(document.problem("TEN-131", what, fix, ("metadata", "name")))
            sifted.broken.append(document)
            continue
        first[name] = document
        values[name] = structure(document.data, cls)
    return values
