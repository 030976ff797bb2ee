"""Sets of ports of protocols."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROTOCOLS = ("TCP", "UDP", "SCTP")
HIGHEST = 65535

Span = tuple[str, int, int]
"""A protocol, its first and its last port."""

NamedPorts = Mapping[str, tuple[tuple[str, int], ...]]
"""The ports that a pod's containers give a name: each with protocol and number."""


@dataclass(frozen=True, slots=True)
class Ports:
    """A set of ports: spans of ports, sorted, none within or beside another of its protocol."""

    spans: tuple[Span, ...]

    def meet(self, other: "Ports") -> "Ports":
        """Give the ports in both."""
        return make_ports(
            (protocol, max(first, begin), min(last, end))
            for protocol, first, last in self.spans
            for other_protocol, begin, end in other.spans
            if protocol == other_protocol
        )

    def holds(self, protocol: str, port: int) -> bool:
        """Say whether a port is one of them."""
        return any(named == protocol and first <= port <= last for named, first, last in self.spans)

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.spans)

    def __str__(self) -> str:
        """`TCP 443, UDP 53-60`, or `every port`."""
        if self == EVERY_PORT:
            return "every port"
        return ", ".join(map(_write_span, self.spans))


def _write_span(span: Span) -> str:
    protocol, first, last = span
    if (first, last) == (1, HIGHEST):
        return f"every {protocol} port"
    return f"{protocol} {first}" if first == last else f"{protocol} {first}-{last}"


def make_ports(spans: Iterable[Span]) -> Ports:
    """Give the set of all ports of spans; one whose last port is before its first has none."""
    joined: list[Span] = []
    for protocol, first, last in sorted(span for span in spans if span[1] <= span[2]):
        if joined and joined[-1][0] == protocol and first <= joined[-1][2] + 1:
            joined[-1] = (protocol, joined[-1][1], max(last, joined[-1][2]))
        else:
            joined.append((protocol, first, last))
    return Ports(tuple(joined))


EVERY_PORT = make_ports((protocol, 1, HIGHEST) for protocol in PROTOCOLS)


def read_ports(rules: Sequence[Mapping[str, Any]] | None, named: NamedPorts | None) -> Ports:
    """Read the `ports` of a rule, as they are at a target; a rule without any is for all.

    `named` are the target's own names. Where they aren't known, a name may be any port: whoever starts the pod chooses.
    """
    if not rules:
        return EVERY_PORT
    return make_ports(span for rule in rules for span in _read_rule(rule, named))


def _read_rule(rule: Mapping[str, Any], named: NamedPorts | None) -> Iterable[Span]:
    protocol, port = rule.get("protocol") or "TCP", rule.get("port")
    if isinstance(port, int):
        return [(protocol, port, rule.get("endPort") or port)]
    if port is None or named is None:
        return [(protocol, 1, HIGHEST)]
    return [(one, number, number) for one, number in named.get(port, ()) if one == protocol]
