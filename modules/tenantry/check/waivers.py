"""Waivers in a check: which of them are in force, and what is worth knowing of those that are checked themselves."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from tenantry.check.report import Looked, Result
from tenantry.contract.documents import Documents
from tenantry.contract.model import ObjectSelector, Waiver, join_name, today
from tenantry.contract.reading.schema import API_VERSION
from tenantry.contract.rules.agreements import find_sound_waivers
from tenantry.data import policy_dir
from tenantry.policy import ObjectName, Verdict


def find_waivers(documents: Documents, day: date | None = None) -> tuple[Waiver, ...]:
    """Give the waivers that excuse something on a day, by default today: approved as they have to be, not lapsed."""
    day = day or today()
    return tuple(waiver for waiver in find_sound_waivers(documents) if waiver.is_in_force(day))


def list_layers(folder: Path | None) -> dict[str, str]:
    """Give the layer of each policy by its name; of those that ship, by where their files are, which is quicker."""
    if folder is None:
        return {file.parent.name: file.parents[1].name for file in policy_dir().glob("*/*/policy.yaml")}
    from tenantry.check.judging import load_baseline_policies

    return {one.policy.name: one.policy.layer for one in load_baseline_policies(folder).policies}


def report_waivers(
    documents: Documents, day: date, layers: Mapping[str, str], used: Collection[str], looked: Iterable[Looked]
) -> Iterator[Result]:
    """Tell of checked waivers that have no effect, excused nothing of their tenants' objects, or excuse too much.

    Args:
        documents: What was checked; waivers that were only read as context are somebody else's to mend.
        day: Today.
        layers: The layer of each policy there is.
        used: The waivers that excused an object.
        looked: All objects that policies looked at.
    """
    seen = [(one.object.namespace or one.object.name) for one in looked if one.object.kind]
    for waiver in find_sound_waivers(documents):
        source = documents.sources["Waiver", waiver.name]
        if source.file in documents.context_files:
            continue
        about = Looked(ObjectName(API_VERSION, "Waiver", "", waiver.name), source.file, source.start.line)
        for code, what, fix in _judge(waiver, day, layers, used, seen):
            yield Result("waivers", "request", Verdict.WARN, code, what, fix, about.object, about.file, about.line, 1)


def _judge(
    waiver: Waiver, day: date, layers: Mapping[str, str], used: Collection[str], seen: Iterable[str]
) -> Iterator[tuple[str, str, str]]:
    spec = waiver.spec
    if spec.expires < day:
        yield "TEN-621", f"it lapsed on {spec.expires} and excuses nothing", "remove it, or have a new one approved"
    elif day < spec.approved:
        yield "TEN-621", f"it is approved from {spec.approved} on and excuses nothing yet", "correct the date, or wait"
    elif spec.policy not in layers:
        fix = "correct spec.policy"
        yield "TEN-624", f"there is no policy {spec.policy}, so that it excuses nothing", fix
    elif waiver.name not in used and any(_is_of(name, one.tenant) for name in seen for one in spec.objects):
        what = f"it excuses none of the objects that were looked at from {spec.policy}"
        yield "TEN-622", what, "remove it, or correct what it names"
    if layers.get(spec.policy) != "request" and (wide := [one.tenant for one in spec.objects if _is_wide(one)]):
        what = f"it excuses all objects of {', '.join(dict.fromkeys(wide))} from {spec.policy}, also those to come"
        yield "TEN-623", what, "name the kind and the name of each object that needs it"


def _is_wide(selector: ObjectSelector) -> bool:
    return selector.kind is None and selector.name is None


def _is_of(name: str, tenant: str) -> bool:
    """Say whether a namespace, or an object in none, is a tenant's."""
    return name.startswith((join_name(tenant, ""), f"{tenant}."))
