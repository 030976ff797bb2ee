"""Rules that hold a site's machines together: what is doubled, missing, too few, or in two networks at once."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from tenantry.contract.documents import Documents
from tenantry.contract.reading.document import Document, Path
from tenantry.contract.rules.cluster import judge_cluster, judge_neighbours
from tenantry.contract.rules.provision import judge_provision
from tenantry.contract.rules.settings import judge_settings, settings_of
from tenantry.contract.rules.store import judge_store
from tenantry.contract.rules.workers import judge_workers
from tenantry.problems import Problem

_HA = 3
_PUBLIC_POOLS = (
    "pool.ntp.org",
    "ntp.org",
    "time.google.com",
    "time.cloudflare.com",
    "time.apple.com",
    "time.windows.com",
)
_HOSTS = ("spec", "hosts")


def judge_inventories(documents: Documents) -> Iterator[Problem]:
    """Hold every inventory to the rules."""
    sources = [documents.sources["Inventory", name] for name in documents.inventories]
    for one in sources:
        yield from judge_inventory(one)
    yield from judge_neighbours(sources)


def judge_inventory(document: Document) -> Iterator[Problem]:
    """Give every way in which a valid inventory contradicts itself, or asks for what can't be prepared."""
    spec = document.spec
    yield from _doubled(document)
    yield from _addresses(document)
    yield from _ranges(document)
    yield from _roles(document)
    yield from _time(document)
    racks = [rack["name"] for rack in spec["racks"]]
    for number, host in enumerate(spec["hosts"]):
        if host["rack"] not in racks:
            what = f"{host['name']}: there is no rack {host['rack']}"
            yield document.problem("TEN-701", what, f"choose one of {', '.join(racks)}", (*_HOSTS, number, "rack"))
        yield from _disks(document, host, (*_HOSTS, number, "disks"))
    yield from _controllers(document)
    yield from judge_provision(document)
    yield from judge_settings(document)
    yield from judge_cluster(document)
    yield from judge_store(document)
    yield from judge_workers(document)


_Place = tuple[str, str, Path]
"""Whose it is, what it is, and where it stands."""


def _doubled(document: Document) -> Iterator[Problem]:
    """Refuse what two machines can't both be or have: the later one is told."""
    kinds: Mapping[str, list[_Place]] = {"name": [], "address": [], "mac": [], "serial": [], "disk": [], "rack": []}
    for number, rack in enumerate(document.spec["racks"]):
        kinds["rack"].append((f"the rack in place {number}", rack["name"], ("spec", "racks", number, "name")))
    virtual = document.spec["network"].get("virtualAddress")
    if virtual:
        kinds["address"].append(("network.virtualAddress", virtual, ("spec", "network", "virtualAddress")))
    for number, host in enumerate(document.spec["hosts"]):
        for kind, value, path in _identities(host):
            kinds[kind].append((host["name"], value, (*_HOSTS, number, *path)))
    for kind, places in kinds.items():
        first: dict[str, str] = {}
        for owner, value, path in places:
            if value in first:
                what = f"{owner}: the {kind} {value} is {first[value]}'s already"
                yield document.problem("TEN-700", what, f"give each its own {kind}", path)
            first.setdefault(value, owner)


def _identities(host: Mapping[str, Any]) -> Iterator[tuple[str, str, Path]]:
    yield "name", host["name"], ("name",)
    yield "address", host["address"], ("address",)
    yield "mac", host["mac"], ("mac",)
    yield "serial", host["serial"], ("serial",)
    for number, disk in enumerate(host["disks"]):
        # Some buses number their disks anew on every machine: what is the host's own is its path, not the device.
        if not disk["id"].startswith(("/dev/disk/by-id/virtio-", "/dev/disk/by-id/dm-")):
            yield "disk", disk["id"], ("disks", number, "id")
        # A wipe repeats the disk's own number; another disk's is refused by itself.
        told = next((name for name in ("serial", "wipe") if name in disk), None)
        if told is not None:
            yield "disk", disk[told], ("disks", number, told)
    bmc = host.get("bmc", {})
    if "address" in bmc:
        yield "address", bmc["address"], ("bmc", "address")
    if "mac" in bmc:
        yield "mac", bmc["mac"], ("bmc", "mac")


def _addresses(document: Document) -> Iterator[Problem]:
    """Refuse what isn't an address, and a host's that isn't in the hosts' network."""
    network = document.spec["network"]
    inside: list[_Place] = [(host["name"], host["address"], (*_HOSTS, n, "address")) for n, host in _hosts(document)]
    if "virtualAddress" in network:
        inside.append(("network", network["virtualAddress"], ("spec", "network", "virtualAddress")))
    for owner, text, path in inside:
        if not _is_address(text):
            yield _no_address(document, owner, text, path)
        elif not any(ip_address(text) in ip_network(block) for block in network["hosts"]):
            what = f"{owner}: the address {text} isn't in network.hosts ({', '.join(network['hosts'])})"
            yield document.problem("TEN-703", what, "correct the address, or add its block", path)
    for number, host in _hosts(document):
        text = host.get("bmc", {}).get("address", "::")
        if not _is_address(text):
            yield _no_address(document, host["name"], text, (*_HOSTS, number, "bmc", "address"))


def _no_address(document: Document, owner: str, text: str, path: Path) -> Problem:
    return document.problem("TEN-702", f"{owner}: {text} isn't an IP address", "write one, such as 10.20.0.17", path)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ranges(document: Document) -> Iterator[Problem]:
    """Refuse blocks that lie in each other: a packet would have two ways to go, and the firewall two answers."""
    spec = document.spec
    blocks: list[_Place] = []
    for name in ("hosts", "pods", "services"):
        for number, block in enumerate(spec["network"][name]):
            blocks.append((f"network.{name}", block, ("spec", "network", name, number)))
    for number, block in enumerate(spec["management"]["networks"]):
        blocks.append(("management.networks", block, ("spec", "management", "networks", number)))
    for number, (owner, block, path) in enumerate(blocks):
        for other, earlier, _ in blocks[:number]:
            # Hosts may be managed from among themselves.
            if {owner, other} <= {"network.hosts", "management.networks"} and owner != other:
                continue
            if ip_network(block).overlaps(ip_network(earlier)):
                what = f"{owner}: {block} overlaps {earlier} of {other}"
                yield document.problem("TEN-704", what, "choose blocks that don't", path)


def _roles(document: Document) -> Iterator[Problem]:
    """Hold the number of hosts of each role to what etcd and the control plane need."""
    count = {role: 0 for role in ("etcd", "control-plane", "worker", "object-store")}
    for _, host in _hosts(document):
        for role in host["roles"]:
            count[role] += 1
    if count["etcd"] and count["etcd"] % 2 == 0:
        what = f"{count['etcd']} hosts are etcd's: an even number loses its majority as early as one fewer"
        yield document.problem("TEN-705", what, "make it 1, 3 or 5", _HOSTS)
    if count["control-plane"] and not count["etcd"]:
        what = "there is a control plane, and no host has the role etcd"
        yield document.problem("TEN-706", what, "give 1, 3 or 5 hosts the role etcd", _HOSTS)
    elsewhere = any(value for _, _, value, _ in settings_of(document, "worker", "worker_api_server"))
    if count["worker"] and not count["control-plane"] and not elsewhere:
        what = "there are workers, and no host has the role control-plane"
        fix = "give 1, or 3 and more, hosts the role control-plane, or name another cluster's in worker_api_server"
        yield document.problem("TEN-706", what, fix, _HOSTS)
    if "virtualAddress" in document.spec["network"] and count["control-plane"] < _HA:
        what = (
            f"network.virtualAddress is for {_HA} or more control-plane hosts, and there are {count['control-plane']}"
        )
        path = ("spec", "network", "virtualAddress")
        yield document.problem("TEN-707", what, "add control-plane hosts, or remove it", path)
    if count["control-plane"] > 1 and "virtualAddress" not in document.spec["network"]:
        what = f"{count['control-plane']} control-plane hosts have no address that moves between them"
        yield document.problem("TEN-707", what, "add network.virtualAddress", ("spec", "network"), key=True)


def _time(document: Document) -> Iterator[Problem]:
    for number, server in enumerate(document.spec["time"]["servers"]):
        name, _, port = server.partition(":")
        path = ("spec", "time", "servers", number)
        if document.spec["offline"] and name.endswith(_PUBLIC_POOLS):
            what = f"time.servers: {name} is on the internet, and the site is offline"
            yield document.problem("TEN-708", what, "name the site's own NTP servers", path)
        if port and not 0 < int(port) < 1 << 16:
            what = f"time.servers: {port} isn't a port"
            yield document.problem("TEN-708", what, "write 1 to 65535, or leave it out", path)


def _disks(document: Document, host: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    purposes = [disk["purpose"] for disk in host["disks"]]
    name = host["name"]
    if purposes.count("system") != 1:
        what = f"{name}: {purposes.count('system') or 'no'} disks are the system's"
        yield document.problem("TEN-709", what, "name the disk that it boots from, and no other, as system", path)
    if "object-store" in host["roles"] and "data" not in purposes:
        what = f"{name}: an object store has no disk of its own"
        yield document.problem("TEN-709", what, "name a disk with the purpose data", path)
    for number, disk in enumerate(host["disks"]):
        at = (*path, number, "wipe")
        if "wipe" in disk and disk["purpose"] == "system":
            yield document.problem("TEN-750", f"{name}: the system's disk has a wipe", "remove it", at, key=True)
        elif disk.get("wipe", disk.get("serial")) != disk.get("serial", disk.get("wipe")):
            what = f"{name}: wipe is {disk['wipe']}, and the disk's serial is {disk['serial']}"
            yield document.problem(
                "TEN-750", what, "look which disk it is; where both are right, they are the same", at
            )
    ids = [disk["id"] for disk in host["disks"]]
    for number, disk in enumerate(ids):
        if disk in ids[:number]:
            what = f"{name}: the disk {disk} is named twice"
            yield document.problem("TEN-700", what, "name each once", (*path, number, "id"))


def _controllers(document: Document) -> Iterator[Problem]:
    """Refuse a controller that is to be believed without proof, and whose proof is given."""
    for number, host in _hosts(document):
        bmc = host.get("bmc", {})
        if bmc.get("tls") == "unverified" and "fingerprint" in bmc:
            path = (*_HOSTS, number, "bmc", "tls")
            what = f"{host['name']}: its BMC is to be unverified, and has a fingerprint to be verified by"
            yield document.problem("TEN-792", what, "remove one of the two", path)


def _hosts(document: Document) -> Sequence[tuple[int, Mapping[str, Any]]]:
    return list(enumerate(document.spec["hosts"]))
