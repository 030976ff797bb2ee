"""Finds the tenants that a command is about, and renders them for their sites."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.contract.documents import Documents
from tenantry.contract.load import judge, load_baseline, load_documents
from tenantry.contract.model import Baseline, Site, Tenant, today
from tenantry.contract.placing import Placed
from tenantry.contract.protection import Protection, find_protection
from tenantry.contract.reading.finding import CONTEXT_FOLDERS, government_root, is_there
from tenantry.contract.rules.retirements import find_dependants
from tenantry.contract.rules.scope import Completed
from tenantry.fleet.site.record import Keys
from tenantry.problems import InputError, Problem, problem
from tenantry.render import Rendered, render_on

_AROUND_ONE = (*CONTEXT_FOLDERS, "waivers", "grants", "retirements")
"""The folders that say whether one tenant is sound, whatever the others are."""


_Choose = Callable[[Sequence[Tenant]], Sequence[Tenant]]


@dataclass(frozen=True, slots=True)
class Planned:
    """A completed tenant, its site and its baseline, its rendered objects, and the access keys of its workloads.

    `keys` are the first until its site was asked.
    """

    tenant: Tenant
    site: Site
    baseline: Baseline
    rendered: Rendered
    keys: Keys = field(default_factory=Keys)

    @property
    def key_days(self) -> int:
        """After how many days the keys are to be changed."""
        return self.baseline.spec.key_rotation_days

    @property
    def protection(self) -> Protection:
        """What protects its data, once it is applied."""
        return find_protection(self.tenant, self.site, self.baseline)


@dataclass(frozen=True, slots=True)
class Selection:
    """The tenants that a command is about, and all documents that they were judged with.

    `idle` tells of the tenants' intents and grants that open nothing, `placed` why each tenant of the documents is on
    its site; `whole` says that every request around was read. `completed` are all tenants around, with their requests;
    where one is looked at alone, only that.
    """

    planned: tuple[Planned, ...]
    documents: Documents
    baseline: Baseline
    idle: tuple[Problem, ...]
    placed: Mapping[str, Placed]
    whole: bool
    completed: tuple[Completed, ...]

    @property
    def tenants(self) -> tuple[Tenant, ...]:
        """All tenants around, selected or not."""
        return tuple(one.tenant for one in self.completed)

    def dependants(self, ending: Collection[str]) -> Iterator[Problem]:
        """Name all that others have with tenants (ids) that are to end."""
        return find_dependants(sorted(ending), self.documents, self.completed, today())

    @property
    def sites(self) -> Mapping[str, Site]:
        """The sites that the selected tenants are for, by name."""
        return {one.site.name: one.site for one in self.planned}

    @property
    def contested(self) -> bool:
        """Whether sites are too small for all who may be placed on them: then it matters who lives there."""
        return any(one.contested for one in self.placed.values())

    def place_anew(self, lives: Mapping[str, str]) -> "Selection":
        """Give the same tenants, placed by where each lives (a site, by the tenant's id), as far as that is known.

        Raises InputError with all problems.
        """
        ids = {one.tenant.id for one in self.planned}

        def choose(tenants: Sequence[Tenant]) -> Sequence[Tenant]:
            return [tenant for tenant in tenants if tenant.id in ids]

        return _plan(self.documents, self.baseline, choose, lives, whole=self.whole)


def select(arguments: Sequence[str], context: Path | None = None, *, alone: bool = False) -> Selection:
    """Read, complete and render the tenants that paths, names or ids say.

    A path names all requests in it; any other word is a tenant's name or id, looked up in `context` (by default the
    folder here). With every request of the government around it, a tenant is judged together with the others: their
    hosts, ids and ceilings; `alone` leaves the others out, for commands that only look at one.
    Raises InputError with all problems of all documents.
    """
    paths = [Path(argument) for argument in arguments if is_there(Path(argument))]
    words = [argument for argument in arguments if not is_there(Path(argument))]
    around = _around(paths, context)
    whole = not alone or bool(words)
    documents = load_documents(_read(paths, around, whole=whole))

    def choose(tenants: Sequence[Tenant]) -> Sequence[Tenant]:
        return _chosen(tenants, documents, paths, words)

    return _plan(documents, load_baseline(), choose, {}, whole=whole)


def _plan(
    documents: Documents, baseline: Baseline, choose: _Choose, lives: Mapping[str, str], *, whole: bool
) -> Selection:
    """Complete, place and render tenants; `lives` says where they live, as far as that is known."""
    day = today()
    judgement = judge(documents, baseline, assume_departments=False, assume_peers=not whole, day=day, lives=lives)
    if judgement.problems:
        raise InputError(judgement.problems)
    chosen = choose(judgement.tenants)
    planned = []
    for tenant in chosen:
        site = documents.sites.get(tenant.spec.placement.site or "")
        if site is None:
            what = f"no Site document is known to place tenant {tenant.id} on"
            raise InputError(problem("TEN-520", what, "name the folder of the sites with --context"))
        pinned = documents.baselines.get(tenant.spec.baseline, baseline)
        planned.append(Planned(tenant, site, pinned, render_on(day, tenant, site, pinned, documents.grants.values())))
    ids = {tenant.id for tenant in chosen}
    files = {request.file for request in documents.requests if request.spec["id"] in ids}
    idle = tuple(one for one in judgement.idle if one.file in files)
    return Selection(tuple(planned), documents, baseline, idle, judgement.placed, whole, judgement.completed)


def _around(paths: Sequence[Path], context: Path | None) -> list[Path]:
    if context is not None:
        return [context]
    roots = {root for path in paths or [Path.cwd()] if (root := government_root(path)) is not None}
    return sorted(roots)


def _read(paths: Sequence[Path], around: Sequence[Path], *, whole: bool) -> list[Path]:
    if whole:
        return [*paths, *around]
    return [*paths, *(root / name for root in around for name in _AROUND_ONE if (root / name).is_dir())]


def _chosen(
    tenants: Sequence[Tenant], documents: Documents, paths: Sequence[Path], words: Sequence[str]
) -> tuple[Tenant, ...]:
    """Pick the tenants of the paths and of the words; a word that fits none, or several, is a problem."""
    inside = [path.resolve() for path in paths]
    ids = {
        request.spec["id"]
        for request in documents.requests
        if any(Path(request.file).resolve().is_relative_to(path) for path in inside)
    }
    problems: list[Problem] = []
    for word in words:
        fitting = [tenant.id for tenant in tenants if word in (tenant.id, tenant.name)]
        if len(fitting) == 1:
            ids.update(fitting)
            continue
        what = f"{word} is neither a file nor a tenant that is known here"
        fix = "name a request's file or folder, or the government's folder with --context"
        if fitting:
            what, fix = f"{len(fitting)} tenants are named {word}", f"name one by its id: {', '.join(fitting)}"
        problems.append(problem("TEN-521", what, fix))
    if problems:
        raise InputError(problems)
    chosen = tuple(tenant for tenant in tenants if tenant.id in ids)
    if not chosen:
        raise InputError(problem("TEN-522", "there is no request for a tenant in what was named", "name one"))
    return chosen
