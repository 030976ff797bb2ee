"""Waivers in a check: which of them are in force, and what is worth knowing of those that are checked themselves."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from tenantry.check.report import Looked, Result
from tenantry.contract.documents import Documents
from tenantry.contract.model import ObjectSelector, Waiver, join_name, today
from tenantry.contract.reading.schema import API_VERSION, HOST_FACTS
from tenantry.contract.rules.waivers import find_sound_waivers
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
    """Tell of checked waivers that have no effect, excused nothing of what they name, or excuse too much.

    Args:
        documents: What was checked; waivers that were only read as context are somebody else's to mend.
        day: Today.
        layers: The layer of each policy there is.
        used: The waivers that excused an object.
        looked: All objects that policies looked at.
    """
    seen = [one.object for one in looked if one.object.kind]
    for waiver in find_sound_waivers(documents):
        source = documents.sources["Waiver", waiver.name]
        if source.file in documents.context_files:
            continue
        about = Looked(ObjectName(API_VERSION, "Waiver", "", waiver.name), source.file, source.start.line)
        for code, what, fix in _judge(waiver, day, layers, used, seen):
            yield Result("waivers", "request", Verdict.WARN, code, what, fix, about.object, about.file, about.line, 1)


def _judge(
    waiver: Waiver, day: date, layers: Mapping[str, str], used: Collection[str], seen: Collection[ObjectName]
) -> Iterator[tuple[str, str, str]]:
    spec = waiver.spec
    if spec.expires < day:
        yield "TEN-621", f"it lapsed on {spec.expires} and excuses nothing", "remove it, or have a new one approved"
    elif day < spec.approved:
        yield "TEN-621", f"it is approved from {spec.approved} on and excuses nothing yet", "correct the date, or wait"
    elif spec.policy not in layers:
        fix = "correct spec.policy"
        yield "TEN-624", f"there is no policy {spec.policy}, so that it excuses nothing", fix
    elif waiver.name not in used and (missed := _miss(waiver, layers[spec.policy])):
        what = f"policy {spec.policy} doesn't judge {missed}, so that it excuses nothing there"
        yield "TEN-624", what, "correct spec.policy, or spec.objects"
    elif waiver.name not in used and any(_is_of(one, selector) for one in seen for selector in spec.objects):
        what = f"it excuses none of the objects that were looked at from {spec.policy}"
        yield "TEN-622", what, "remove it, or correct what it names"
    if layers.get(spec.policy) not in ("request", "host") and (wide := _find_wide(spec.objects)):
        what = f"it excuses all objects of {', '.join(dict.fromkeys(wide))} from {spec.policy}, also those to come"
        yield "TEN-623", what, "name the kind and the name of each object that needs it"


def _miss(waiver: Waiver, layer: str) -> str:
    """Say what a waiver names that its policy never looks at: hosts have policies of their own."""
    if layer == "host":
        return ", ".join(f"tenant {one.tenant}" for one in waiver.spec.objects if one.tenant is not None)
    return ", ".join(f"host {one.host}" for one in waiver.spec.objects if one.host is not None)


def _find_wide(selectors: Iterable[ObjectSelector]) -> list[str]:
    return [one.tenant for one in selectors if one.tenant is not None and one.kind is None and one.name is None]


def _is_of(found: ObjectName, selector: ObjectSelector) -> bool:
    """Say whether an object is the host, or of the tenant, that a waiver names, by namespace or name."""
    if selector.tenant is None:
        return (found.kind, found.name) == (HOST_FACTS, selector.host)
    return (found.namespace or found.name).startswith((join_name(selector.tenant, ""), f"{selector.tenant}."))
