"""Rules for the settings of what hosts form together: certificates, etcd, the control plane."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import Any

from tenantry.contract.reading.document import Document, shown
from tenantry.contract.rules.settings import in_force, judge_ranges, role_defaults, role_options, settings_of
from tenantry.problems import Problem

_DAYS: Mapping[str, tuple[int, int]] = {
    "pki_authority_days": (30, 7300),
    # Longer ones are refused by clients already, and nobody would notice that renewal doesn't work.
    "pki_leaf_days": (2, 825),
    "pki_renew_days": (1, 824),
}
_ETCD: Mapping[str, tuple[int, int]] = {
    "etcd_heartbeat_ms": (10, 5000),
    "etcd_election_ms": (100, 50000),
    "etcd_quota_mib": (64, 8192),
    "etcd_snapshots_kept": (1, 1000),
    "etcd_wait_seconds": (10, 3600),
}
_CONTROL_PLANE: Mapping[str, tuple[int, int]] = {
    # Source: RFC 5798, 5.2.3.
    "controlplane_router_id": (1, 255),
    "controlplane_wait_seconds": (10, 3600),
}
_FLAGS = ("controlplane_apiserver_flags", "controlplane_manager_flags", "controlplane_scheduler_flags")
_FLAG = re.compile(r"[a-z][a-z0-9-]*")
# systemd would make two words of a space, and other text of %, $ and quotes.
_FLAG_VALUE = re.compile(r"[^\s%$\"'\\\x00-\x1f\x7f]*")
_LEAF_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}")
_PURPOSES = ("server", "client")


def judge_cluster(document: Document) -> Iterator[Problem]:
    """Refuse settings that no certificate, etcd or control plane could be made of."""
    yield from _days(document)
    yield from _leaves(document)
    yield from judge_ranges(document, "etcd", "TEN-762", _ETCD)
    yield from _elections(document)
    yield from judge_ranges(document, "controlplane", "TEN-763", _CONTROL_PLANE)
    yield from _same_for_all(document, "controlplane", "TEN-763", ("controlplane_router_id", "controlplane_issuer"))
    yield from _flags(document)


def judge_neighbours(documents: Sequence[Document]) -> Iterator[Problem]:
    """Refuse sites in one network that have the same virtual address or router: each would take the other's."""
    for number, document in enumerate(documents):
        for other in documents[:number]:
            if _virtual(document) and _virtual(other) and _share_network(document, other):
                yield from _one_router(document, other)


def _one_router(document: Document, other: Document) -> Iterator[Problem]:
    network = ("spec", "network", "virtualAddress")
    mine, theirs = (_router(one) for one in (document, other))
    if mine == theirs:
        what = f"the virtual router {mine} (controlplane_router_id) is {other.name}'s already, in the same network"
        yield document.problem("TEN-764", what, "set another number in one of them, 1 to 255", network)
    if _virtual(document) == _virtual(other):
        what = f"the virtual address {_virtual(document)} is {other.name}'s already"
        yield document.problem("TEN-764", what, "give each its own", network)


def _virtual(document: Document) -> str:
    return str(document.spec["network"].get("virtualAddress", ""))


def _router(document: Document) -> object:
    settings = document.spec.get("settings", {}).get("controlplane", {})
    return settings.get("controlplane_router_id", role_defaults("controlplane")["controlplane_router_id"])


def _share_network(document: Document, other: Document) -> bool:
    blocks, others = ([ip_network(block) for block in one.spec["network"]["hosts"]] for one in (document, other))
    return any(block.overlaps(theirs) for block in blocks for theirs in others if block.version == theirs.version)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _days(document: Document) -> Iterator[Problem]:
    """Refuse certificates that would outlive their authority, or be made anew at each run."""
    yield from judge_ranges(document, "pki", "TEN-760", _DAYS)
    for number, host in enumerate(document.spec["hosts"]):
        days = {name: in_force(document, host, "pki", name) for name in _DAYS}
        if not all(map(_is_number, days.values())):
            continue
        authority, leaf, renew = days.values()
        path = ("spec", "hosts", number)
        if leaf > authority:
            what = f"{host['name']}: certificates of {leaf} days (pki_leaf_days) outlive an authority of {authority}"
            yield document.problem("TEN-760", what, "lower pki_leaf_days, or raise pki_authority_days", path)
        if renew >= leaf:
            what = f"{host['name']}: certificates of {leaf} days are made anew {renew} days before their end, each time"
            yield document.problem("TEN-760", what, "lower pki_renew_days", path)


def _elections(document: Document) -> Iterator[Problem]:
    """Refuse members that choose leaders at each lost packet, which etcd itself doesn't start with, or that differ."""
    for number, host in enumerate(document.spec["hosts"]):
        beat, election = (in_force(document, host, "etcd", name) for name in [*_ETCD][:2])
        if _is_number(beat) and _is_number(election) and election < 5 * beat:
            what = f"{host['name']}: etcd_election_ms is {election}, less than five times etcd_heartbeat_ms, {beat}"
            yield document.problem("TEN-762", what, "raise it to five to ten times", ("spec", "hosts", number))
    yield from _same_for_all(document, "etcd", "TEN-762", ("etcd_heartbeat_ms", "etcd_election_ms"))


def _same_for_all(document: Document, role: str, code: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        for owner, _, _, path in settings_of(document, role, name):
            if path[1] == "hosts":
                what = f"{owner}: {name} is the same for all hosts"
                yield document.problem(code, what, "set it for all of them, in spec.settings", path)


def _flags(document: Document) -> Iterator[Problem]:
    """Refuse what isn't a flag, or can't stand in a unit of systemd as it is."""
    for setting in _FLAGS:
        for owner, _, value, path in settings_of(document, "controlplane", setting):
            for name, given in value.items() if isinstance(value, dict) else ():
                at = (*path, name)
                if not _FLAG.fullmatch(str(name)):
                    what = f"{owner}: {setting} has {shown(name)}, which isn't a flag's name"
                    yield document.problem("TEN-765", what, "write it without dashes before it", at, key=True)
                elif not isinstance(given, str | int | bool) or not _FLAG_VALUE.fullmatch(str(given)):
                    what = f"{owner}: the flag {name} is {shown(given)}, which a unit of systemd can't carry"
                    fix = "write a text without spaces, quotes, backslashes, % and $, a whole number, true or false"
                    yield document.problem("TEN-765", what, fix, at)


def _leaves(document: Document) -> Iterator[Problem]:
    """Refuse a certificate that nobody could sign, or that takes the name of another."""
    taken = {leaf["name"] for leaf in role_defaults("pki")["pki_leaves"]}
    for owner, _, value, path in settings_of(document, "pki", "pki_extra_leaves"):
        for number, leaf in enumerate(value if isinstance(value, list) else ()):
            if isinstance(leaf, dict):
                for what, fix in _leaf(leaf, taken):
                    yield document.problem("TEN-761", f"{owner}: {what}", fix, (*path, number))
    yield from _replaced(document)


def _leaf(leaf: Mapping[str, Any], taken: set[str]) -> Iterator[tuple[str, str]]:
    options = role_options()["pki"]["pki_leaves"]["options"]
    name = leaf.get("name")
    called = f"the certificate {shown(name)}"
    for key in options:
        if options[key].get("required") and key not in leaf:
            yield f"{called} has no {key}", f"add {key}: {options[key]['description']}"
    for key in leaf:
        if key not in options:
            yield f"{called} has {key}, which no certificate has", f"choose one of {', '.join(options)}"
    if not isinstance(name, str) or not _LEAF_NAME.fullmatch(name):
        yield f"{called} can't be a file's name", "write lower-case letters, digits and hyphens"
    elif name in taken:
        yield f"{called} is one of the role's own", "choose another name"
    choices = options["authority"]["choices"]
    if "authority" in leaf and leaf["authority"] not in choices:
        yield f"{called} is to be signed by {shown(leaf['authority'])}", f"choose one of {', '.join(choices)}"
    purposes = leaf.get("purposes")
    if not isinstance(purposes, list) or not purposes or set(purposes) - {*_PURPOSES}:
        yield f"{called} has the purposes {shown(purposes)}", "write [server], [client], or both"
    elif "server" in purposes and not leaf.get("names"):
        yield (
            f"{called} is a server's, and names no host (no SAN)",
            "add names: the names and addresses it is reached at",
        )


def _replaced(document: Document) -> Iterator[Problem]:
    """Refuse other certificates in the place of the role's own: what others count on would be gone."""
    for owner, _, _, path in settings_of(document, "pki", "pki_leaves"):
        what = f"{owner}: pki_leaves are what the other roles count on"
        yield document.problem("TEN-761", what, "add certificates by pki_extra_leaves", path)
