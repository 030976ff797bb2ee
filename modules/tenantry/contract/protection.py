"""What protects a tenant's data, in the words of its request, and what of it a change takes back."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from tenantry.contract.model import (
    Approval,
    Baseline,
    Classification,
    ClassificationControls,
    Encryption,
    Site,
    Tenant,
    Weakening,
)
from tenantry.contract.reading.document import Path


@dataclass(frozen=True, slots=True)
class BucketProtection:
    """What protects the objects of one bucket; what is `None` isn't known."""

    publish: bool | None
    retention_days: int
    versions: bool | None
    lock: bool | None


@dataclass(frozen=True, slots=True)
class Protection:
    """What protects all data of a tenant, and in which capacities people have to agree that it is taken back.

    `buckets` are by their names in the request.
    """

    classification: Classification
    region: str
    encryption: Encryption
    approvals: tuple[str, ...]
    buckets: Mapping[str, BucketProtection]


class Change(NamedTuple):
    """One thing that protects data and is taken back: a property of the request, its value from now on, and in words.

    `keep` is how the request keeps it.
    """

    code: str
    property: str
    value: str
    what: str
    keep: str
    path: Path

    def __str__(self) -> str:
        """Write it as `weakening.changes` names it."""
        return f"{self.property}={self.value}"


def find_protection(tenant: Tenant, site: Site, baseline: Baseline) -> Protection:
    """Say what protects a tenant's data at a site, under the baseline that it pins."""
    controls = baseline.controls(tenant.spec.classification)
    buckets = {
        bucket.name: BucketProtection(bucket.publish, bucket.retention_days, bucket.versions, bucket.lock)
        for bucket in tenant.spec.buckets
    }
    return Protection(tenant.spec.classification, site.spec.region, controls.encryption, controls.approvals, buckets)


def list_settings(tenant: Tenant, encryption: Encryption) -> dict[str, str]:
    """Give every property that a weakening may name, as the request has it; the region where it is known."""
    spec = tenant.spec
    found = {"classification": spec.classification.value, "encryption": encryption.value}
    if spec.placement.region is not None:
        found["region"] = spec.placement.region
    for bucket in spec.buckets:
        at = f"buckets.{bucket.name}"
        found[f"{at}.retentionDays"] = str(bucket.retention_days)
        for name, on in (("publish", bucket.publish), ("versions", bucket.versions), ("lock", bucket.lock)):
            found[f"{at}.{name}"] = str(on).lower()
    return found


def find_changes(before: Protection, tenant: Tenant, after: Protection, baseline: Baseline) -> list[Change]:
    """List what protected a tenant's data before and doesn't after; a bucket that is new holds nothing yet."""
    changes = [*_of_class(before, after, baseline), *_of_place(before, after)]
    for index, bucket in enumerate(tenant.spec.buckets):
        if (held := before.buckets.get(bucket.name)) is not None:
            changes.extend(_of_bucket(bucket.name, ("spec", "buckets", index), held, after.buckets[bucket.name]))
    return changes


def _of_class(before: Protection, after: Protection, baseline: Baseline) -> Iterator[Change]:
    path: Path = ("spec", "classification")
    old, new = before.classification, after.classification
    if not new.covers(old):
        undone = _undone(baseline.controls(old), baseline.controls(new))
        undoes = f", which undoes: {'; '.join(undone)}" if undone else ""
        what = f"its data is held as {old}, and would be as {new}{undoes}"
        yield Change("TEN-560", "classification", new.value, what, f"write classification: {old}", path)
    elif _weight(after.encryption) < _weight(before.encryption):
        what = f"its data needs encryption {before.encryption}, and would need {after.encryption}"
        yield Change("TEN-564", "encryption", after.encryption.value, what, "pin the baseline that it had", path)


def _weight(encryption: Encryption) -> int:
    return list(Encryption).index(encryption)


def _undone(old: ClassificationControls, new: ClassificationControls) -> list[str]:
    """Say what else a class decides that the other doesn't, beside what its buckets are set to."""
    told = (
        (old.own_node_pool and not new.own_node_pool, "nodes of its own"),
        (not old.route_from_outside and new.route_from_outside, "no route from outside"),
        (not old.egress_other_sites and new.egress_other_sites, "no egress to another site"),
        (not old.publish and new.publish, "no bucket open to anyone"),
        (_weight(new.encryption) < _weight(old.encryption), f"encryption {old.encryption}"),
        (old.on_premises and not new.on_premises, "sites on premises alone"),
        (old.in_region and not new.in_region, "sites of the department's region alone"),
        (bool(set(new.grantees) - set(old.grantees)), f"read by {old.readers}"),
        (bool(set(old.approvals) - set(new.approvals)), f"approved by {' and '.join(old.approvals)}"),
    )
    return [what for undone, what in told if undone]


def _of_place(before: Protection, after: Protection) -> Iterator[Change]:
    if before.region != after.region:
        what = f"its data lies in region {before.region}, and its site is now of region {after.region}"
        keep = "have the Site document corrected"
        yield Change("TEN-565", "region", after.region, what, keep, ("spec", "placement"))


def _of_bucket(name: str, path: Path, held: BucketProtection, asked: BucketProtection) -> Iterator[Change]:
    if asked.retention_days < held.retention_days:
        what = f"bucket {name} keeps objects for {held.retention_days} days, and would for {asked.retention_days}"
        keep = f"write retentionDays: {held.retention_days}"
        at = f"buckets.{name}.retentionDays"
        yield Change("TEN-561", at, str(asked.retention_days), what, keep, (*path, "retentionDays"))
    if asked.publish and not held.publish:
        may = "isn't" if held.publish is False else "may not be"
        what = f"bucket {name} {may} published, and anyone could read what it holds"
        yield Change("TEN-562", f"buckets.{name}.publish", "true", what, "remove publish", (*path, "publish"))
    for setting, has, wants, does in (
        ("versions", held.versions, asked.versions, "keeps versions"),
        ("lock", held.lock, asked.lock, "locks objects"),
    ):
        if not wants and has is not False:
            known = does if has else f"perhaps {does}"
            what = f"bucket {name} {known}, and would no longer"
            at = f"buckets.{name}.{setting}"
            yield Change("TEN-563", at, "false", what, f"write {setting}: true", (*path, setting))


def tell_lacking(change: Change, roles: Collection[str], weakening: Weakening | None, used: Collection[str]) -> str:
    """Say what approval a change lacks; nothing where it has all.

    Args:
        change: What is taken back.
        roles: The capacities that have to agree, each by another person.
        weakening: What the request says of it.
        used: Prints of the approvals (`print_approval`) that were in the request at an earlier apply.
    """
    if weakening is None or str(change) not in weakening.changes:
        return "nobody agreed to it"
    new = [one for one in weakening.approvals if one.role in roles and print_approval(one) not in used]
    if twice := sorted({a.by.lower() for a in new for b in new if _same_person(a, b) and a.role != b.role}):
        return f"{', '.join(twice)} agreed to it in two capacities"
    missing = [role for role in roles if role not in {one.role for one in new}]
    if not missing:
        return ""
    spent = [one.reference for one in weakening.approvals if one.role in missing and print_approval(one) in used]
    before = f"; {', '.join(sorted(set(spent)))} was in the request at an earlier apply" if spent else ""
    return f"nobody agreed to it as {' and '.join(missing)}{before}"


def print_approval(approval: Approval) -> str:
    """Give what tells an approval from every other."""
    said = "\0".join((approval.by.lower(), approval.role, approval.on.isoformat(), approval.reference))
    return sha256(said.encode()).hexdigest()[:16]


def _same_person(one: Approval, other: Approval) -> bool:
    return one.by.lower() == other.by.lower()
