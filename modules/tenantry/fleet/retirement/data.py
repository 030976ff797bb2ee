"""What becomes of a tenant's buckets: what stands in its way, and then the disposal of each, with its evidence."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from tenantry.contract.model import Disposal
from tenantry.fleet.retirement.ending import Ending
from tenantry.fleet.retirement.journal import Archive, Journal, now
from tenantry.fleet.site.record import Record
from tenantry.objectstore.contents.deletion import allow_deletion
from tenantry.objectstore.contents.exporting import Place, export_bucket, probe_target
from tenantry.objectstore.contents.holding import hold_bucket
from tenantry.objectstore.contents.inventory import take_inventory
from tenantry.objectstore.kinds.bucket_deletion import delete_bucket, holds_objects, why_kept
from tenantry.objectstore.store import Store
from tenantry.problems import Problem, TenantryError, problem


def list_buckets(store: Store, tenant: str) -> list[str]:
    """Give every bucket that a tenant has in a store: all whose names begin with its id, which is nobody else's."""
    with store.doing("list buckets"):
        return sorted(one["Name"] for one in store.s3.list_buckets()["Buckets"] if one["Name"].startswith(f"{tenant}-"))


def find_retention(ending: Ending, record: Record | None) -> Mapping[str, int]:
    """Give each bucket's retention in days: as asked, or as applied where that was longer."""
    asked, applied = ending.planned.rendered.retention, record.buckets if record else {}
    return {name: max(asked.get(name, 0), applied.get(name, 0)) for name in {*asked, *applied}}


def check_buckets(ending: Ending, store: Store, retention: Mapping[str, int]) -> None:
    """See that what is to become of each bucket can be done now; `retention` is in days by bucket. Changes nothing.

    Raises TenantryError with every bucket that stands in the way.
    """
    found: list[Problem] = []
    for name in list_buckets(store, ending.tenant.id):
        disposal = ending.disposal(name)
        if disposal is None:
            if holds_objects(store, name):
                found.append(_undecided(ending, store, name))
            continue
        if disposal.disposal is not Disposal.HOLD:
            # What is exported is kept for as long where it goes: only a lock keeps it here.
            days = 0 if disposal.to else retention.get(name, 0)
            found += filter(None, [why_kept(store, name, days, asked_for=True)])
        if (target := ending.target(name)) is not None:
            try:
                probe_target(target)
            except TenantryError as error:
                found += error.problems
    if found:
        raise TenantryError(found)


def _undecided(ending: Ending, store: Store, name: str) -> Problem:
    short = name.removeprefix(f"{ending.tenant.id}-")
    what = f"site {store.site}: bucket {name} holds objects, and no retirement says what becomes of them"
    fix = f"write a Retirement of {ending.tenant.id} that names {short} with disposal destroy, export or hold"
    return problem("TEN-548", what, fix, file=ending.at, line=ending.line)


def dispose(ending: Ending, store: Store, archive: Archive, journal: Journal, retention: Mapping[str, int]) -> None:
    """Do with each bucket what was agreed. What was destroyed, and where it went, is journaled before it is destroyed.

    Raises UnreachableError: a store's own, and what `check_buckets` tells, where that came up meanwhile.
    """
    policies = {
        document["metadata"]["name"]: document["spec"]["policy"]
        for document in ending.planned.rendered.object_store
        if document["kind"] == "Bucket"
    }
    for name in list_buckets(store, ending.tenant.id):
        entry = journal.buckets.setdefault(name, {"inventories": []})
        _take_stock(store, name, entry)
        disposal = ending.disposal(name)
        entry["disposal"] = str(disposal.disposal if disposal else Disposal.DESTROY)
        if ending.is_held(name):
            _hold(ending, store, name, entry, policies.get(name))
            archive.write(journal)
            continue
        target = ending.target(name)
        if target is not None:
            _export(store, name, target, entry)
        archive.write(journal)
        with allow_deletion(store.site, name) if disposal else nullcontext():
            delete_bucket(store, name, 0 if target else retention.get(name, 0))


def _take_stock(store: Store, name: str, entry: dict[str, Any]) -> None:
    """Note what a bucket holds; a run that goes on with a bucket that was half destroyed notes what was left, too."""
    seen = asdict(take_inventory(store, name))
    if not entry["inventories"] or entry["inventories"][-1]["sha256"] != seen["sha256"]:
        entry["inventories"].append({"at": now(), **seen})


def _hold(ending: Ending, store: Store, name: str, entry: dict[str, Any], policy: Mapping[str, Any] | None) -> None:
    disposal = ending.disposal(name)
    held = hold_bucket(store, name, policy)
    ends = [held.locked_until.date()] if held.locked_until else []
    ends += [disposal.until] if disposal and disposal.until else []
    entry["hold"] = {"versions": held.versions, "by": "legal hold" if held.legal_hold else "bucket"}
    if ends:
        entry["hold"]["until"] = max(ends).isoformat()


def _export(store: Store, name: str, target: Place, entry: dict[str, Any]) -> None:
    made = export_bucket(Place(store, name), target)
    entry["export"] = {
        "site": target.store.site,
        "bucket": target.bucket,
        "prefix": target.prefix,
        "versions": made.versions,
        "bytes": made.bytes,
        "manifestSha256": made.manifest_sha256,
    }
