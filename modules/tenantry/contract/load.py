"""The contract's front door: paths in, frozen values out, or every problem of every file at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tenantry.contract.defaults import complete_request
from tenantry.contract.documents import Documents, read_documents
from tenantry.contract.model import (
    Baseline,
    Bytes,
    Contacts,
    Department,
    DepartmentSpec,
    Metadata,
    Millicores,
    Quota,
    Tenant,
    today,
)
from tenantry.contract.placing import Placed, place_requests
from tenantry.contract.reading.document import Document
from tenantry.contract.reading.reader import read_file
from tenantry.contract.rules.access import judge_access
from tenantry.contract.rules.catalogue import judge_catalogue
from tenantry.contract.rules.classes import judge_classes
from tenantry.contract.rules.estate import judge_ceilings, judge_peers, judge_requests
from tenantry.contract.rules.grants import find_idle_grants, judge_grants, judge_identities, judge_parties, judge_uses
from tenantry.contract.rules.intents import find_one_sided
from tenantry.contract.rules.inventory import judge_inventories
from tenantry.contract.rules.retirements import judge_retirements
from tenantry.contract.rules.scope import Completed, Scope
from tenantry.contract.rules.tenant import judge_tenant
from tenantry.contract.rules.waivers import judge_named, judge_waivers
from tenantry.contract.structure import structure
from tenantry.data import baseline_file
from tenantry.problems import InputError, Problem

__all__ = ["Documents", "Judgement", "complete", "judge", "load_baseline", "load_documents", "read_documents"]


def load_documents(paths: Sequence[Path], root: Path | None = None) -> Documents:
    """Read and validate all documents of files and folders; folders are walked for YAML and JSON files.

    A link that leads out of `root` (by default: out of the folder that was walked) is refused. Raises InputError with
    all problems of all files.
    """
    documents, problems = read_documents(paths, root)
    if problems:
        raise InputError(sorted(problems))
    return documents


def load_baseline() -> Baseline:
    """Read the baseline that ships with this version; that it is valid is what its tests say, not each run."""
    (document,), _ = read_file(baseline_file(), None)
    return structure(document.data, Baseline)


def complete(documents: Documents, baseline: Baseline, *, assume_peers: bool = False) -> tuple[Tenant, ...]:
    """Fill in every request's defaults, hold all to the rules, and place each on a site where sites are known.

    Gives the tenants in order of id. Raises InputError with all problems of all requests; a request whose department
    isn't among the documents is one, and so is an intent whose peer isn't, unless `assume_peers`.
    """
    judgement = judge(documents, baseline, assume_departments=False, assume_peers=assume_peers)
    if judgement.problems:
        raise InputError(judgement.problems)
    return judgement.tenants


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the contract says of documents: the sound tenants, all problems, and what couldn't be judged, and why.

    `idle` are intents and grants that are sound in themselves and open nothing: nobody agrees or uses them, or
    they're over. `placed` says of each tenant, by id, why it is on its site.
    """

    tenants: tuple[Tenant, ...]
    problems: tuple[Problem, ...]
    unjudged: tuple[str, ...]
    idle: tuple[Problem, ...]
    placed: Mapping[str, Placed]
    completed: tuple[Completed, ...]


def judge(
    documents: Documents,
    baseline: Baseline,
    *,
    assume_departments: bool = True,
    assume_peers: bool = False,
    day: date | None = None,
    lives: Mapping[str, str] | None = None,
) -> Judgement:
    """Do as `complete` does, but give what was found, also of an incomplete set of documents.

    Where no Department (or Site) is given at all, the rules that need one are left out and named in `unjudged`; unless
    `assume_departments` is false, which makes an unknown department a problem. With `assume_peers`, for a tenant that
    is looked at without the others, whoever an intent, a waiver or a grant names is taken to be one of them. `day` says
    which waivers are in force, by default today; `lives` at which site tenants live, by id, as far as that is known.
    """
    problems = [
        *judge_requests(documents.claimants),
        *judge_waivers(documents),
        *judge_grants(documents),
        *judge_identities(documents),
        *judge_catalogue(documents),
        *judge_inventories(documents),
    ]
    problems.extend(judge_peers(documents.requests, None if assume_peers else documents.claimants, documents.ending))
    baselines = {**documents.baselines, baseline.version: baseline}
    whole, faults = _completed(documents, baseline, baselines, assume_departments=assume_departments)
    completed, unplaced, placed = place_requests(whole, documents, baselines, lives or {})
    problems.extend([*faults, *unplaced])
    for one in completed:
        problems.extend(judge_tenant(one, baselines[one.tenant.spec.baseline]))
        problems.extend(judge_uses(one, documents.grants, assume_others=assume_peers and not documents.grants))
    scope = Scope(documents, baseline, tuple(completed), day or today())
    problems.extend([*judge_ceilings(scope), *judge_access(scope), *judge_classes(scope, baselines)])
    tenants = sorted((one.tenant for one in completed), key=lambda tenant: tenant.id)
    idle: list[Problem] = []
    if not assume_peers:
        problems.extend(judge_named(documents))
        problems.extend(judge_parties(documents, {tenant.id: tenant for tenant in tenants}, baselines))
        problems.extend(judge_retirements(documents, completed, baselines, scope.day))
        idle = sorted([*find_one_sided(completed), *find_idle_grants(documents, completed, scope.day)])
    said = tuple(sorted(problems)), tuple(_unjudged(documents)), tuple(idle)
    return Judgement(tuple(tenants), *said, placed, tuple(completed))


def _completed(
    documents: Documents, baseline: Baseline, baselines: Mapping[str, Baseline], *, assume_departments: bool
) -> tuple[list[Completed], list[Problem]]:
    """Complete every request that can be, and give what the others name and nobody has."""
    completed: list[Completed] = []
    problems: list[Problem] = []
    for request in documents.requests:
        department = documents.departments.get(request.spec["department"])
        if department is None and not documents.departments and assume_departments:
            department = stand_in_department(request.spec["department"])
        pinned = baselines.get(request.spec.get("baseline", baseline.version))
        faults = list(_unknown(request, documents, baseline, department, pinned))
        problems.extend(faults)
        if department is not None and pinned is not None and not faults:
            whole = complete_request(request.data, pinned, department)
            completed.append(Completed(request, structure(whole, Tenant)))
    return completed, problems


def _unjudged(documents: Documents) -> Iterator[str]:
    for kind, known, what in (
        ("Site", documents.sites, "placement, the sites' capabilities and what policies say of tenants"),
        ("Department", documents.departments, "departments, their contacts and their ceilings"),
    ):
        if documents.requests and not known:
            why = "given (--context)" if not documents.broken_ones(kind) else "sound"
            yield f"{what}, because no {kind} was {why}"
    if (documents.waivers or documents.grants) and not documents.claimants:
        yield "the tenants that waivers and grants name, because no request was given (--context)"


def _unknown(
    request: Document, documents: Documents, baseline: Baseline, department: Department | None, pinned: Baseline | None
) -> Iterator[Problem]:
    """Refuse what a request names and nobody has; it can't be completed then."""
    spec = request.spec
    if department is None:
        what, fix = _absent(documents, "Department", spec["department"], documents.departments)
        yield request.problem("TEN-133", what, fix, ("spec", "department"))
    if pinned is None:
        what, fix = _absent(documents, "Baseline", spec["baseline"], {baseline.version, *documents.baselines})
        yield request.problem("TEN-135", what, fix, ("spec", "baseline"))
    elif "size" in spec and spec["size"] not in pinned.spec.sizes:
        what = f"the baseline {pinned.version} has no size {spec['size']}"
        yield request.problem("TEN-148", what, f"choose one of {', '.join(pinned.spec.sizes)}", ("spec", "size"))
    site = spec.get("placement", {}).get("site")
    if site is not None and documents.sites and site not in documents.sites:
        what, fix = _absent(documents, "Site", site, documents.sites)
        yield request.problem("TEN-134", what, fix, ("spec", "placement", "site"))


def _absent(documents: Documents, kind: str, name: str, known: Collection[str]) -> tuple[str, str]:
    """Say that a request names what isn't known, and how to mend it: also where it only isn't sound."""
    broken = documents.broken_ones(kind)
    if name in broken:
        return f"the document of the {kind.lower()} {name} has problems of its own, in {broken[name]}", "mend it first"
    fix = f"choose one of {', '.join(sorted(known))}" if known else "add its document, or name the folder that holds it"
    return f"the {kind.lower()} {name} isn't known", fix


def stand_in_department(name: str) -> Department:
    """Stand in for a department that nobody gave; where a request is checked without any, `unjudged` says so."""
    most = 1 << 62
    owner, technical, on_call, security, finance = (f"unknown-{number}@department.invalid" for number in range(5))
    return Department(
        metadata=Metadata(name=name, labels={}),
        spec=DepartmentSpec(
            title=name,
            region="",
            sector="",
            contacts=Contacts(owner=owner, technical=(technical, on_call), security=security, finance=finance),
            cost_centre="unknown",
            ceiling=Quota(cpu=Millicores(most), memory=Bytes(most), storage=Bytes(most), pods=most),
            groups=(),
        ),
    )
