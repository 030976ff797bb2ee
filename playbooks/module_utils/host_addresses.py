"""Whether an address is somebody's already, and whose router has a number: heard on the wire, before it is taken.

Source: RFC 5227 (ARP probe), RFC 5798 (VRRP).
"""

import ipaddress
import json
import socket
import struct
import time

from ansible.module_utils.host_files import command

ETH_ARP, ETH_IP = 0x0806, 0x0800
VRRP = 112
BROADCAST = b"\xff" * 6


def interface_of(address):
    """Give the interface that has an address; nothing where none has."""
    listed = json.loads(command("ip", "-json", "address", "show")[1] or "[]")
    for link in listed:
        if any(one.get("local") == address for one in link.get("addr_info", [])):
            return link["ifname"]
    return ""


def holder(address, interface, seconds=2):
    """Ask on a wire who has an IPv4 address; give the MAC that answers, or nothing."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ARP)) as wire:
        wire.bind((interface, 0))
        mine = wire.getsockname()[4]
        wanted = ipaddress.ip_address(address).packed
        # A probe says nothing of who asks, so that it changes nobody's table.
        probe = struct.pack("!HHBBH6s4s6s4s", 1, ETH_IP, 6, 4, 1, mine, b"\0" * 4, b"\0" * 6, wanted)
        wire.send(BROADCAST + mine + struct.pack("!H", ETH_ARP) + probe)
        for frame in _heard(wire, seconds):
            if frame[28:32] == wanted and frame[22:28] != mine:
                return ":".join(f"{byte:02x}" for byte in frame[22:28])
    return ""


def router(number, interface, ours, seconds=3):
    """Listen for another router of a number; give its address, or nothing. `ours` are addresses that may have it."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_IP)) as wire:
        wire.bind((interface, 0))
        for packet in _heard(wire, seconds):
            header = (packet[0] & 15) * 4
            source = str(ipaddress.ip_address(packet[12:16]))
            if packet[9] == VRRP and packet[header + 1] == number and source not in ours:
                return source
    return ""


def _heard(wire, seconds):
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        wire.settimeout(left)
        try:
            yield wire.recv(2048)
        except TimeoutError:
            return
