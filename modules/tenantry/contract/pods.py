"""Which addresses the pods of a host have: derived from the host's own, so that nobody has to hand them out."""

from collections.abc import Sequence
from ipaddress import IPv4Network, ip_address, ip_network

POD_BLOCK = 24
"""The prefix of the block of a host's pods: 254 of them, and a kubelet runs 110."""


def pods_of(address: str, hosts: Sequence[str], pods: Sequence[str]) -> str | None:
    """Give the block of a host's pods; `None` where the site's blocks of pods are too small, or aren't IPv4.

    A host whose address is the n-th of the hosts' blocks has the n-th block of /24 of the pods' ones. So it keeps its
    block whatever other hosts come and go.
    """
    place = _place(address, hosts)
    for block in (ip_network(one) for one in pods):
        if place is None or not isinstance(block, IPv4Network) or block.prefixlen > POD_BLOCK:
            continue
        count = 1 << (POD_BLOCK - block.prefixlen)
        if place < count:
            return str(IPv4Network((int(block.network_address) + (place << 32 - POD_BLOCK), POD_BLOCK)))
        place -= count
    return None


def _place(address: str, blocks: Sequence[str]) -> int | None:
    """Count an address through blocks, from 0; `None` where it is in none."""
    before = 0
    for block in (ip_network(one) for one in blocks):
        if ip_address(address) in block:
            return before + int(ip_address(address)) - int(block.network_address)
        before += block.num_addresses
    return None
