"""IP addresses, networks and URLs, as Go's `net/netip` and `net/url` read them.

Sources: k8s.io/apiserver/pkg/cel/library/ip.go, cidr.go and urls.go.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parse_address(text: str) -> Address:
    """An address; zones and IPv4 inside IPv6 are refused.

    Raises:
        ValueError: It isn't one.
    """
    if "%" in text:
        raise ValueError(f'IP address "{text}" with zone value is not allowed')
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f'IP Address "{text}" parse error during conversion from string') from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return address


_BITS = re.compile(r"0|[1-9]\d{0,2}", re.ASCII)


def parse_network(text: str) -> tuple[Address, int]:
    """The address and the length of a prefix; bits after the mask may be set.

    Raises:
        ValueError: It isn't one.
    """
    error = f'network address parse error during conversion from string: "{text}"'
    head, slash, bits = text.rpartition("/")
    if not slash or _BITS.fullmatch(bits) is None or "%" in head:
        raise ValueError(error)
    address = parse_address(head)
    if int(bits) > address.max_prefixlen:
        raise ValueError(error)
    return address, int(bits)


def mask_network(address: Address, bits: int) -> Address:
    """The address with what is after the mask cleared."""
    host = address.max_prefixlen - bits
    return type(address)(int(address) >> host << host)


def contains_network(outer: tuple[Address, int], inner: tuple[Address, int]) -> bool:
    """Whether the second lies in the first."""
    same = outer[0].version == inner[0].version and outer[1] <= inner[1]
    return same and mask_network(inner[0], outer[1]) == mask_network(*outer)


def is_link_local_multicast(address: Address) -> bool:
    """224.0.0.0/24 and ff?2::/16."""
    if address.version == 4:
        return int(address) >> 8 == 0xE00000
    return int(address) >> 112 & 0xFF0F == 0xFF02


def is_global_unicast(address: Address) -> bool:
    """Go's meaning of the word: private addresses are, broadcast isn't."""
    if address.version == 4 and int(address) == 0xFFFFFFFF:
        return False
    link_local = address.is_link_local
    return not (address.is_unspecified or address.is_loopback or address.is_multicast or link_local)


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL that CEL asks for, and its text."""

    text: str
    scheme: str
    host: str
    path: str
    query: str

    @property
    def hostname(self) -> str:
        """The host without its port, and without the brackets of IPv6."""
        host = _cut_port(self.host)[0]
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    @property
    def port(self) -> str:
        """The port, or nothing."""
        return _cut_port(self.host)[1]


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"(?:[A-Za-z0-9\-_.~!$&'()*+,;=:<>\"\x80-\U0010ffff]|%[0-9A-Fa-f]{2})*")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", re.ASCII)
_PORT = re.compile(r"(?::\d*)?", re.ASCII)
_KEPT_IN_PATH = re.compile(r"[A-Za-z0-9\-_.~$&+,/:;=@!'()*\[\]%]*", re.ASCII)
_PATH_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~$&+,/:;=@")


def _cut_port(host: str) -> tuple[str, str]:
    head, colon, port = host.rpartition(":")
    if colon and _PORT.fullmatch(f":{port}") and (":" not in head or head.endswith("]")):
        return head, port
    return host, ""


def _cut_scheme(text: str) -> tuple[str, str]:
    head, colon, rest = text.partition(":")
    if not colon:
        return "", text
    if not head:
        raise ValueError("missing protocol scheme")
    if _SCHEME.fullmatch(head):
        return head.lower(), rest
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*", head) is None and not head[0].isalpha():
        return "", text
    if "/" in head or "?" in head or _SCHEME.match(head) is not None:
        return "", text
    return "", text


def _parse_authority(text: str) -> str:
    user, at, host = text.rpartition("@")
    if at and (_USER.fullmatch(user) is None or _BAD_ESCAPE.search(user)):
        raise ValueError("net/url: invalid userinfo")
    if host.startswith("["):
        closing = host.rfind("]")
        if closing < 0:
            raise ValueError("missing ']' in host")
        if _PORT.fullmatch(host[closing + 1 :]) is None:
            raise ValueError(f'invalid port "{host[closing + 1 :]}" after host')
        try:
            ipaddress.IPv6Address(host[1:closing].replace("%25", "%", 1))
        except ValueError:
            raise ValueError(f"invalid host: {host}") from None
        return host
    colon = host.rfind(":")
    if colon >= 0 and _PORT.fullmatch(host[colon:]) is None:
        raise ValueError(f'invalid port "{host[colon:]}" after host')
    if ":" in host[: max(colon, 0)]:
        raise ValueError(f"invalid host: {host}")
    if _HOST.fullmatch(host) is None:
        raise ValueError(f'invalid character in host name "{host}"')
    # Only bytes outside of ASCII may be escaped in a host.
    if any(int(escape, 16) < 0x80 for escape in re.findall(r"%([0-9A-Fa-f]{2})", host)):
        raise ValueError(f"invalid URL escape in host {host}")
    return unquote_to_bytes(host).decode("utf-8", "replace")


def _escape_path(path: str) -> str:
    if _KEPT_IN_PATH.fullmatch(path):
        return path
    raw = unquote_to_bytes(path)
    return "".join(chr(byte) if byte in _PATH_SAFE else f"%{byte:02X}" for byte in raw)


def parse_url(text: str) -> Url:
    """An absolute URL or path, as Go's ParseRequestURI takes it, then with its fragment cut.

    Raises:
        ValueError: It isn't one.
    """
    if not text:
        raise ValueError("empty url")
    if _CONTROL.search(text):
        raise ValueError("net/url: invalid control character in URL")
    if text == "*":
        return Url(text, "", "", "*", "")
    body, _, fragment = text.partition("#")
    if _BAD_ESCAPE.search(fragment):
        raise ValueError("invalid URL escape in fragment")
    _parse_request(text)
    scheme, rest = _cut_scheme(body)
    return _parse_parts(text, scheme, rest, request=False)


def _parse_request(text: str) -> None:
    scheme, rest = _cut_scheme(text)
    _parse_parts(text, scheme, rest, request=True)


def _parse_parts(text: str, scheme: str, rest: str, *, request: bool) -> Url:
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Url(text, scheme, "", "", query)
        if request:
            raise ValueError("invalid URI for request")
        if ":" in rest.split("/", 1)[0]:
            raise ValueError("first path segment in URL cannot contain colon")
    host, path = "", rest
    if rest.startswith("//") and (scheme or (not request and not rest.startswith("///"))):
        authority, slash, tail = rest[2:].partition("/")
        host, path = _parse_authority(authority), slash + tail
    if _BAD_ESCAPE.search(path):
        raise ValueError("invalid URL escape")
    return Url(text, scheme, host, _escape_path(path), query)


def parse_query(query: str) -> dict[str, list[str]]:
    """The values of each key; what can't be read is left out, as Go leaves it out."""
    values: dict[str, list[str]] = {}
    for part in query.split("&"):
        if not part or ";" in part:
            continue
        key, _, value = part.partition("=")
        if _BAD_ESCAPE.search(key) or _BAD_ESCAPE.search(value):
            continue
        decoded = [unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace") for text in (key, value)]
        values.setdefault(decoded[0], []).append(decoded[1])
    return values
