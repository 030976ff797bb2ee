"""Rules of a site's object store: one host, TLS alone, ports that are free to it, keys by a whole path."""

import re
from collections.abc import Iterator

from tenantry.contract.reading.document import Document, shown
from tenantry.contract.rules.settings import in_force, judge_ranges, settings_of
from tenantry.problems import Problem

_ROLE = "objectstore"
_ENDPOINT = re.compile(r"https://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PORTS = ("objectstore_port", "objectstore_iam_port")
_NUMBERS = {**dict.fromkeys(_PORTS, (1024, 65535)), "objectstore_wait_seconds": (5, 3600)}


def judge_store(document: Document) -> Iterator[Problem]:
    """Give every way in which what an inventory says of its object store can't be."""
    yield from _one_host(document)
    yield from _offered(document)
    yield from _endpoint(document)
    yield from _numbers(document)
    for owner, _, value, path in settings_of(document, _ROLE, "objectstore_keys_file"):
        if isinstance(value, str) and value and not value.startswith("/"):
            what = f"{owner}: objectstore_keys_file is {shown(value)}, which depends on where tenantry is called"
            yield document.problem("TEN-758", what, "write its whole path, such as /media/safe/onprem.keys", path)


def _one_host(document: Document) -> Iterator[Problem]:
    """Refuse a second host: each would have a store of its own, and tenants' buckets would be in one of them."""
    stores = [number for number, host in enumerate(document.spec["hosts"]) if "object-store" in host["roles"]]
    for number in stores[1:]:
        what = f"{document.spec['hosts'][number]['name']}: a site has one object store, on one host's disks"
        fix = "give the role object-store to one host, and more disks to that"
        yield document.problem("TEN-757", what, fix, ("spec", "hosts", number, "roles"))


def _offered(document: Document) -> Iterator[Problem]:
    """Refuse an offer without an object store: no host is one, and it says of none."""
    offers = document.spec.get("offers")
    if offers is None or {"objectStoreCidrs", "objectStorePort"} <= offers["network"].keys():
        return
    if not any("object-store" in host["roles"] for host in document.spec["hosts"]):
        what = "offers.network: no host is the object store, and it doesn't say where one is"
        fix = "give a host the role object-store, or add objectStoreCidrs and objectStorePort"
        yield document.problem("TEN-714", what, fix, ("spec", "offers", "network"))


def _endpoint(document: Document) -> Iterator[Problem]:
    for owner, _, value, path in settings_of(document, _ROLE, "objectstore_endpoint"):
        if not isinstance(value, str) or not value or _ENDPOINT.fullmatch(value):
            continue
        plain = value.startswith("http://")
        what = f"{owner}: objectstore_endpoint is {shown(value)}, " + (
            "and keys and objects would go in clear" if plain else "which isn't an address of TLS"
        )
        yield document.problem("TEN-755", what, "write https://, a name in small letters, and a port if need be", path)
    for owner, _, value, path in settings_of(document, _ROLE, "objectstore_region"):
        if isinstance(value, str) and not _REGION.fullmatch(value):
            what = f"{owner}: objectstore_region is {shown(value)}"
            yield document.problem("TEN-755", what, "write small letters, digits and hyphens, such as us-east-1", path)


def _numbers(document: Document) -> Iterator[Problem]:
    yield from judge_ranges(document, _ROLE, "TEN-756", _NUMBERS)
    for number, host in enumerate(document.spec["hosts"]):
        first, second = (in_force(document, host, _ROLE, name) for name in _PORTS)
        if "object-store" in host["roles"] and first == second:
            what = f"{host['name']}: S3 and IAM are both to answer on port {first}"
            yield document.problem("TEN-756", what, "give each its own port", ("spec", "hosts", number))
