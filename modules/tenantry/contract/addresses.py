"""Blocks of addresses, IPv4 and IPv6."""

from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


def is_inside(inner: Network, outer: Network) -> bool:
    """Say whether a block lies in another, or is it; one of the other family never does."""
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
