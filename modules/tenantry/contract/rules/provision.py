"""Rules of what installs hosts over the network: who serves whom, from where, and at which addresses."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from tenantry.contract.reading.document import Document
from tenantry.problems import Problem

_PROVISION = ("spec", "provision")
# A boot loader's script and a shell read them, too.
_WORD = re.compile(r"[A-Za-z0-9_.,:=/+@-]+")
_WORDS = {"provision_arguments": "an argument of a kernel", "provision_include": "a package"}
_PUBLIC = ("debian.org", "debian.net", "ubuntu.com", "kernel.org")


def judge_provision(document: Document) -> Iterator[Problem]:
    """Give every way in which the provisioning of an inventory, where it has one, contradicts the rest of it."""
    yield from _arguments(document)
    provision = document.spec.get("provision")
    if provision is not None:
        yield from _who(document, provision)
        yield from _ranges(document, provision)
        yield from _places(document, provision)
        yield from _mirror(document, provision)


def _who(document: Document, provision: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse a machine that nobody described, whose MAC isn't known; and one that would install itself."""
    names = [host["name"] for host in document.spec["hosts"]]
    if provision["server"] not in names:
        what = f"provision.server: there is no host {provision['server']}"
        yield document.problem("TEN-793", what, "name one of the hosts, which is installed", (*_PROVISION, "server"))
    for number, name in enumerate(provision["install"]):
        path = (*_PROVISION, "install", number)
        if name not in names:
            what = f"provision.install: there is no host {name}, so its MAC isn't known"
            yield document.problem("TEN-793", what, "correct it, or describe the host", path)
        elif name == provision["server"]:
            what = f"provision.install: {name} is the server, and would install itself"
            yield document.problem("TEN-793", what, "leave it out, or choose another server", path)


def _ranges(document: Document, provision: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse ranges that lie in each other, or where hosts have no addresses: two servers would answer, or none."""
    network = document.spec["network"]
    taken = [(f"network.{name}", block) for name in ("pods", "services") for block in network[name]]
    interfaces: list[str] = []
    for number, one in enumerate(provision["ranges"]):
        path = (*_PROVISION, "ranges", number, "block")
        block = ip_network(one["block"])
        if not isinstance(block, IPv4Network):
            what = f"provision.ranges: {block} is IPv6, and machines boot from the network by IPv4"
            yield document.problem("TEN-794", what, "write an IPv4 block", path)
            continue
        for owner, other in taken:
            if block.overlaps(ip_network(other)):
                what = f"provision.ranges: {block} overlaps {other} of {owner}"
                yield document.problem("TEN-794", what, "choose blocks that don't", path)
        if not any(_within(block, ip_network(hosts)) for hosts in network["hosts"]):
            what = f"provision.ranges: {block} isn't within network.hosts ({', '.join(network['hosts'])})"
            yield document.problem("TEN-794", what, "correct it: hosts get their own addresses", path)
        if one["interface"] in interfaces:
            what = f"provision.ranges: {one['interface']} has another range already"
            yield document.problem("TEN-794", what, "give each its own port", (*path[:-1], "interface"))
        interfaces.append(one["interface"])
        taken.append(("provision.ranges", one["block"]))


def _within(block: IPv4Network, other: object) -> bool:
    return isinstance(other, IPv4Network) and block.subnet_of(other)


def _places(document: Document, provision: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse an address that no range has, or that a gateway has, too."""
    spec = document.spec
    blocks = [ip_network(one["block"]) for one in provision["ranges"]]
    own = {host["address"]: host["name"] for host in spec["hosts"]}
    own[spec["network"].get("virtualAddress", "")] = "network.virtualAddress"
    for number, one in enumerate(provision["ranges"]):
        gateway, path = one.get("gateway"), (*_PROVISION, "ranges", number, "gateway")
        if gateway is not None and not _is_in(gateway, [blocks[number]]):
            what = f"provision.ranges: the gateway {gateway} isn't in {one['block']}"
            yield document.problem("TEN-795", what, "correct it, or leave it out", path)
        elif gateway in own:
            what = f"provision.ranges: the gateway {gateway} is {own[gateway]}'s address"
            yield document.problem("TEN-795", what, "correct one of them", path)
    for number, host in enumerate(spec["hosts"]):
        if host["name"] in provision["install"] and not _is_in(host["address"], blocks):
            what = f"{host['name']}: the address {host['address']} isn't in a range of provision"
            fix = "add the range that it is in, with the server's port there"
            yield document.problem("TEN-795", what, fix, ("spec", "hosts", number, "address"))


def _is_in(text: str, blocks: list[Any]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    edges = {edge for block in blocks for edge in (block.network_address, block.broadcast_address)}
    return address not in edges and any(address in block for block in blocks)


def _mirror(document: Document, provision: Mapping[str, Any]) -> Iterator[Problem]:
    """Refuse a mirror that hosts can't reach."""
    name = urlsplit(provision["mirror"]).hostname or ""
    if document.spec["offline"] and f".{name}".endswith(tuple(f".{one}" for one in _PUBLIC)):
        what = f"provision.mirror: {name} is on the internet, and the site is offline"
        yield document.problem("TEN-796", what, "name the site's own mirror", (*_PROVISION, "mirror"))


def _arguments(document: Document) -> Iterator[Problem]:
    """Refuse what would be something else to the boot loader and the shells that read it than one word."""
    spec = document.spec
    owners: list[tuple[str, Mapping[str, Any], tuple[str | int, ...]]] = [("all hosts", spec, ("spec",))]
    owners += [(host["name"], host, ("spec", "hosts", number)) for number, host in enumerate(spec["hosts"])]
    for owner, one, place in owners:
        given = one.get("settings", {}).get("provision", {})
        for name, meant in _WORDS.items():
            words = given.get(name, ()) if isinstance(given, Mapping) else ()
            for number, word in enumerate(words if isinstance(words, list) else ()):
                if isinstance(word, str) and not _WORD.fullmatch(word):
                    path = (*place, "settings", "provision", name, number)
                    what = f"{owner}: «{word}» in {name} isn't {meant}"
                    fix = "write one word, without spaces and quotes"
                    yield document.problem("TEN-797", what, fix, path)
