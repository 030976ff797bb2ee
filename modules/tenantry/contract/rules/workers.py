"""Rules for the hosts that run pods: their blocks of addresses, and what may be set of the kubelet."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from tenantry.contract.pods import POD_BLOCK, pods_of
from tenantry.contract.reading.document import Document, shown
from tenantry.contract.rules.settings import settings_of
from tenantry.problems import Problem

PROGRAMS = ("kubelet", "kube-proxy", "kube-network-policies")
"""What a worker runs of the toolchain."""
# What a kubelet runs by, what it lets in by, and what it is reached at: the role's to say.
_FIXED = (
    *("address", "apiVersion", "containerRuntimeEndpoint", "kind", "staticPodPath"),
    *("authentication", "authorization", "cgroupDriver", "failSwapOn", "makeIPTablesUtilChains"),
    *("protectKernelDefaults", "readOnlyPort", "rotateCertificates", "seccompDefault"),
    *("tlsCertFile", "tlsMinVersion", "tlsPrivateKeyFile"),
)
_SERVER = re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9a-f:]+\]):(\d{1,5})")
_HASH = re.compile(r"[0-9a-f]{64}")


def judge_workers(document: Document) -> Iterator[Problem]:
    """Refuse what no worker can be prepared with."""
    yield from _pods(document)
    yield from _kubelet(document)
    yield from _server(document)
    yield from _hashes(document)


def _pods(document: Document) -> Iterator[Problem]:
    """Refuse blocks of pods that are too small for the host with the highest address."""
    network = document.spec["network"]
    for number, host in enumerate(document.spec["hosts"]):
        address = host["address"]
        if "worker" not in host["roles"] or not _is_inside(address, network["hosts"]):
            continue
        if pods_of(address, network["hosts"], network["pods"]) is None:
            what = f"{host['name']}: network.pods has no block of /{POD_BLOCK} left for an address as high as {address}"
            fix = "make network.pods larger, in IPv4, or give the host a lower address"
            yield document.problem("TEN-746", what, fix, ("spec", "hosts", number, "address"))


def _is_inside(text: str, blocks: Sequence[str]) -> bool:
    """Say whether it is an address in one of the blocks; what isn't is told already."""
    try:
        return any(ip_address(text) in ip_network(block) for block in blocks)
    except ValueError:
        return False


def _kubelet(document: Document) -> Iterator[Problem]:
    """Refuse settings of the kubelet that aren't an inventory's to make."""
    for owner, _, value, path in settings_of(document, "worker", "worker_kubelet_extra"):
        for name in value if isinstance(value, dict) else ():
            if name in _FIXED:
                what = f"{owner}: worker_kubelet_extra sets {name}, which every kubelet has the same"
                yield document.problem("TEN-743", what, "leave it out", (*path, name), key=True)


def _server(document: Document) -> Iterator[Problem]:
    for owner, _, value, path in settings_of(document, "worker", "worker_api_server"):
        if isinstance(value, str) and value:
            found = _SERVER.fullmatch(value)
            if not found or not 0 < int(found[2]) < 1 << 16:
                what = f"{owner}: worker_api_server is {shown(value)}, which isn't https, an address and a port"
                yield document.problem("TEN-744", what, "write https://10.20.0.10:6443, or leave it out", path)


def _hashes(document: Document) -> Iterator[Problem]:
    for owner, _, value, path in settings_of(document, "worker", "worker_hashes"):
        for name, one in value.items() if isinstance(value, dict) else ():
            yield from _hash(document, owner, name, one, (*path, name))


def _hash(document: Document, owner: str, name: str, value: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:  # noqa: ANN401
    if name not in PROGRAMS:
        what = f"{owner}: worker_hashes has {shown(name)}, which no worker runs"
        yield document.problem("TEN-745", what, f"choose one of {', '.join(PROGRAMS)}", path, key=True)
    elif not isinstance(value, str) or not _HASH.fullmatch(value):
        what = f"{owner}: worker_hashes has {shown(value)} for {name}, which isn't a SHA-256"
        yield document.problem("TEN-745", what, "write its 64 digits in small letters, as sha256sum prints them", path)
