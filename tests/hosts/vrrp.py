"""Another virtual router of a network, heard as any is: adverts to the multicast address that all of them listen at."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from meanwhile import meanwhile

_PROTOCOL = 112
_ALL_ROUTERS = "224.0.0.18"


@contextmanager
def another_router(number: int, source: str, virtual: str) -> Iterator[None]:
    """Send adverts of a router's number from an address of this machine, twice a second. Source: RFC 3768, 5.1."""
    body = struct.pack("!BBBBBBH4s8x", 0x21, number, 100, 1, 0, 1, 0, socket.inet_aton(virtual))
    body = body[:6] + struct.pack("!H", _checksum(body)) + body[8:]
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, _PROTOCOL) as wire:
        wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(source))
        wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        with meanwhile(lambda: wire.sendto(body, (_ALL_ROUTERS, 0)), 0.5):
            yield


def _checksum(body: bytes) -> int:
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF
