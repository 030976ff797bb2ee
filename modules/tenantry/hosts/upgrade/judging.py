"""What an upgrade refuses before the first change, all at once: pure."""

from collections.abc import Collection, Iterator, Mapping

from tenantry.contract.model import HostRole, Inventory, InventoryHost
from tenantry.hosts.upgrade.plan import Situation
from tenantry.hosts.upgrade.seen import (
    APISERVER,
    NODE_PROGRAMS,
    Node,
    Program,
    Seen,
    control_programs,
    minors_apart,
    programs_of,
    release,
    setting,
)
from tenantry.problems import Problem, problem


def judge(now: Situation, nodes: Mapping[str, Node]) -> Iterator[Problem]:
    """Refuse what can't be upgraded, and to begin where something isn't well. The host that was begun may be ill."""
    journal, hosts = now.journal, [host for host in now.inventory.spec.hosts if host.name in now.seen]
    if journal.host and not now.asked.takes(journal.host):
        what = f"{journal.host}: upgrade {journal.current}: it was cut off, and --limit leaves its host out"
        yield problem("TEN-773", what, f"add --limit {journal.host}, or leave --limit out: it is finished first")
    for host in hosts:
        if now.asked.takes(host.name):
            yield from _versions(now, host)
    for host in hosts:
        if host.name != journal.host:
            yield from _health(host, now.seen[host.name])
    yield from _nodes(now, nodes)


def _versions(now: Situation, host: InventoryHost) -> Iterator[Problem]:
    for name in programs_of(now.inventory, host):
        has, target = now.seen[host.name].programs[name], now.asked.target[name]
        if not has.installed:
            fix = f"run tenantry hosts prepare for {host.name} first, or choose others by --limit"
            yield problem("TEN-779", f"{host.name}: {name} isn't installed, so there is nothing to upgrade", fix)
        elif release(has.newest) > release(target):
            what = f"{host.name}: {name} is {has.newest}, newer than {target}, which would be brought"
            fix = f"take a tenantry or a bundle with {name} {has.newest} or newer; nothing is taken back"
            yield problem("TEN-770", what, fix)
        elif name in NODE_PROGRAMS:
            yield from _skew(now, host, name, has)
        else:
            yield from _skipped(f"{host.name}: {name}", has, target)


def _skipped(called: str, has: Program, target: str) -> Iterator[Problem]:
    """Refuse to leave a minor version out: neither etcd nor Kubernetes converts the data of older ones."""
    apart = minors_apart(has.oldest, target)
    if apart is None or apart > 1:
        what = f"{called} is {has.oldest}, and {target} would skip a minor version"
        fix = f"upgrade first with a tenantry or a bundle that has {_next_minor(has.oldest)}"
        yield problem("TEN-771", what, fix)


def _next_minor(version: str) -> str:
    parts = release(version)
    return f"{parts[0]}.{parts[1] + 1}" if parts else "the next minor version"


def _skew(now: Situation, host: InventoryHost, name: str, has: Program) -> Iterator[Problem]:
    """Refuse a kubelet that its API servers, as they are to be, wouldn't fit."""
    called, target = f"{host.name}: {name}", now.asked.target[name]
    most = setting(now.inventory, host, "worker", "worker_most_older")
    for peer in now.inventory.of_role(HostRole.CONTROL_PLANE):
        if peer.name not in now.seen:
            continue
        seen = now.seen[peer.name].programs[APISERVER]
        server = now.asked.target[APISERVER] if now.asked.takes(peer.name) else seen.running
        newer, older = minors_apart(server, target), minors_apart(has.oldest, server)
        if newer is None or newer > 0:
            what = f"{called} {target} would be newer than {APISERVER} {server or 'none'} of {peer.name}"
            yield problem("TEN-772", what, f"upgrade {peer.name} before it: add --limit {peer.name}")
        elif older is None or older > most:
            what = f"{called} is {has.oldest}, more than {most} minor versions older than {APISERVER} {server}"
            yield problem("TEN-772", what, "upgrade first with an older tenantry or bundle, or make the node anew")


def _health(host: InventoryHost, has: Seen) -> Iterator[Problem]:
    for one in has.ill:
        what = f"{host.name}: {one.key} {one.value}: {one.what}"
        fix = f"mend it (journalctl -u {one.key} on {host.name}), then run the same command again"
        yield problem("TEN-773", what, fix)


def _nodes(now: Situation, nodes: Mapping[str, Node]) -> Iterator[Problem]:
    journal = now.journal
    for host in now.inventory.of_role(HostRole.WORKER):
        is_node = host.name in now.seen and now.seen[host.name].programs[NODE_PROGRAMS[0]].installed
        if is_node and host.name not in nodes:
            fix = f"see why with journalctl -u kubelet on {host.name}"
            yield problem("TEN-773", f"{host.name}: node {host.name}: the API server doesn't know it", fix)
    for node in nodes.values():
        if not node.ready and node.name != journal.host:
            fix = f"mend it, or delete the node if it is gone: kubectl describe node {node.name} tells why"
            yield problem("TEN-773", f"{node.name}: node {node.name}: it isn't Ready", fix)
        if node.cordoned and node.name not in journal.cordoned:
            what = f"{node.name}: node {node.name}: somebody has cordoned it, and pods of others need its room"
            yield problem("TEN-774", what, f"kubectl uncordon {node.name}, once whoever did it is done")


def hosts_to_see(inventory: Inventory, limit: Collection[str]) -> tuple[str, ...]:
    """Name the hosts that are looked at: those that are asked for, and all that hold the cluster together."""
    return tuple(
        host.name
        for host in inventory.spec.hosts
        if not limit or host.name in limit or control_programs(inventory, host)
    )
