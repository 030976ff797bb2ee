"""The rule that a host has one owner: no two tenants claim the same name, themselves or by a wildcard."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tenantry.contract.reading.document import Document, cut
from tenantry.problems import Problem


class _Claim(NamedTuple):
    """A request's claim to a host; claims sort in the order that they were read in."""

    request_number: int
    host_number: int
    host: str
    tenant: str
    request: Document


_Firsts = dict[str, list[_Claim]]
"""The first claims of two different tenants: whoever claims the same later is at odds with one of them."""


def judge_hosts(requests: Sequence[Document]) -> Iterator[Problem]:
    """Refuse a host that another tenant owns, itself or by a wildcard; a wildcard owns every name below it.

    Of two requests at odds, the later is told.
    """
    claims = list(_claims(requests))
    wildcards = {claim.host for claim in claims if claim.host.startswith("*.")}
    of_host: _Firsts = {}
    below: _Firsts = {}
    for claim in claims:
        _note(of_host, claim.host, claim)
        for wildcard in _wildcards_over(claim.host):
            if wildcard in wildcards:
                _note(below, wildcard, claim)
    for claim in claims:
        owner = _earlier(claim, of_host, below)
        if owner is not None:
            yield _taken(claim, owner)


def is_host_of(owned: str, host: str) -> bool:
    """Say whether a host is the one that is owned, or below a wildcard that is."""
    return host == owned or (owned.startswith("*.") and host.endswith(owned[1:]))


def called(request: Document) -> str:
    """Say a request's name, also of one that no schema has passed."""
    return cut(request.text("metadata", "name") or "a request without a name")


def _claims(requests: Sequence[Document]) -> Iterator[_Claim]:
    for at, request in enumerate(requests):
        node: Any = request.data
        for name in ("spec", "ingress", "hosts"):
            node = node.get(name) if isinstance(node, dict) else None
        for index, host in enumerate(node if isinstance(node, list) else ()):
            if isinstance(host, str):
                yield _Claim(at, index, host, request.text("spec", "id") or f"in place {at}", request)


def _note(firsts: _Firsts, name: str, claim: _Claim) -> None:
    known = firsts.setdefault(name, [])
    if len(known) < 2 and all(one.tenant != claim.tenant for one in known):
        known.append(claim)


def _earlier(claim: _Claim, of_host: Mapping[str, list[_Claim]], below: Mapping[str, list[_Claim]]) -> _Claim | None:
    rivals = [*of_host[claim.host], *below.get(claim.host, ())]
    for wildcard in _wildcards_over(claim.host):
        rivals.extend(of_host.get(wildcard, ()))
    earlier = (one for one in rivals if one.tenant != claim.tenant and one[:2] < claim[:2])
    return min(earlier, key=lambda one: one[:2], default=None)


def _wildcards_over(host: str) -> Iterator[str]:
    """Give the wildcards that own a host; those over a wildcard begin one label up, so `*.a.b` is below `*.b`."""
    rest = host.removeprefix("*.")
    while "." in rest:
        rest = rest.partition(".")[2]
        yield f"*.{rest}"


def _taken(claim: _Claim, owner: _Claim) -> Problem:
    department = cut(owner.request.text("spec", "department") or "no department")
    who = f"{called(owner.request)} of {department}"
    what = f"the host {cut(claim.host)} is at odds with {cut(owner.host)}, which {who} owns, in {owner.request.at}"
    fix = "choose another host, or have its owner give it up"
    return claim.request.problem("TEN-132", what, fix, ("spec", "ingress", "hosts", claim.host_number))
