"""The functions that the engine calls back into Python for, by name and by the kinds of their arguments.

Values that the engine has no type for are maps with a tag. What a function raises becomes a CEL error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from tenantry.policy.cel.library import authorization as authz
from tenantry.policy.cel.library import network, text
from tenantry.policy.cel.library import quantity as quantities
from tenantry.policy.cel.library.authorization import TAG, Grant, Tagged, expect_tag
from tenantry.policy.cel.library.formatting import format_text, print_duration, trim_time
from tenantry.policy.cel.library.marks import UNDECIDABLE, find_mark
from tenantry.policy.cel.library.meter import spend

Kinds = tuple[str, ...]
Implementation = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Binding:
    """A function of the engine: its kinds of arguments (the receiver first), and what it does."""

    name: str
    member: bool
    kinds: Kinds
    implementation: Implementation


# --- tagged values


def _tag_quantity(one: quantities.Quantity) -> Tagged:
    return {TAG: "Quantity", "value": str(one.value), "scale": one.scale, "style": one.style, "whole": one.whole}


def _untag_quantity(value: object) -> quantities.Quantity:
    tagged = expect_tag(value, "Quantity")
    return quantities.Quantity(int(tagged["value"]), tagged["scale"], tagged["style"], tagged["whole"])


def _tag_address(address: network.Address) -> Tagged:
    return {TAG: "IP", "text": str(address)}


def _untag_address(value: object) -> network.Address:
    return network.parse_address(expect_tag(value, "IP")["text"])


def _tag_network(address: network.Address, bits: int) -> Tagged:
    return {TAG: "CIDR", "address": str(address), "bits": bits}


def _untag_network(value: object) -> tuple[network.Address, int]:
    tagged = expect_tag(value, "CIDR")
    return network.parse_address(tagged["address"]), tagged["bits"]


def _tag_url(raw: str) -> Tagged:
    network.parse_url(raw)
    return {TAG: "URL", "text": raw}


def _untag_url(value: object) -> network.Url:
    return network.parse_url(expect_tag(value, "URL")["text"])


def _tag_version(version: text.Version) -> Tagged:
    return {TAG: "Semver", "major": version[0], "minor": version[1], "patch": version[2], "pre": version[3]}


def _untag_version(value: object) -> text.Version:
    tagged = expect_tag(value, "Semver")
    return tagged["major"], tagged["minor"], tagged["patch"], tagged["pre"]


def _accepts(parse: Callable[..., object]) -> Callable[..., bool]:
    def test(*arguments: object) -> bool:
        try:
            parse(*arguments)
        except ValueError:
            return False
        return True

    return test


# --- what quantities and versions share by name


def _compare(one: object, other: object) -> int:
    if isinstance(one, dict) and one.get(TAG) == "Semver":
        return text.compare_versions(_untag_version(one), _untag_version(other))
    mine, theirs = _untag_quantity(one).nano, _untag_quantity(other).nano
    return (mine > theirs) - (mine < theirs)


def _to_integer(value: object) -> int:
    integer = quantities.convert_to_integer(_untag_quantity(value))
    if integer is None:
        raise ValueError("cannot convert value to integer")
    return integer


def _to_quantity(value: object) -> quantities.Quantity:
    if isinstance(value, int) and not isinstance(value, bool):
        return quantities.Quantity(value, 0, "DecimalExponent")
    return _untag_quantity(value)


def _add(one: object, other: object) -> Tagged:
    return _tag_quantity(quantities.add_quantities(_untag_quantity(one), _to_quantity(other)))


def _subtract(one: object, other: object) -> Tagged:
    negated = quantities.negate_quantity(_to_quantity(other))
    return _tag_quantity(quantities.add_quantities(_untag_quantity(one), negated))


def _sign(value: object) -> int:
    nano = _untag_quantity(value).nano
    return (nano > 0) - (nano < 0)


def _print_tagged(value: object) -> str:
    if isinstance(value, dict) and value.get(TAG) == "CIDR":
        return f"{value['address']}/{value['bits']}"
    return str(_untag_address(value))


def _contains_ip(outer: object, inner: object) -> bool:
    address = network.parse_address(inner) if isinstance(inner, str) else _untag_address(inner)
    return network.contains_network(_untag_network(outer), (address, address.max_prefixlen))


def _contains_cidr(outer: object, inner: object) -> bool:
    found = network.parse_network(inner) if isinstance(inner, str) else _untag_network(inner)
    return network.contains_network(_untag_network(outer), found)


def _mask(value: object) -> Tagged:
    address, bits = _untag_network(value)
    return _tag_network(network.mask_network(address, bits), bits)


def _validate_format(value: object, checked: str) -> list[str]:
    return text.FORMAT_CHECKS[expect_tag(value, "Format")["name"]](checked)


def _name_format(name: str) -> Tagged:
    return {TAG: "Format", "name": name} if name in text.FORMAT_CHECKS else {}


# --- collections

_MOST_RANGE = 1_000_000


def _make_range(size: int) -> list[int]:
    if not 0 <= size <= _MOST_RANGE:
        raise ValueError(f"lists.range: size {size} is out of range")
    spend(size)
    return list(range(size))


def _sort_by(items: list[Any], keys: list[Any]) -> list[Any]:
    spend(len(items))
    if len(items) != len(keys):
        raise ValueError("@sortByAssociatedKeys() expected a list of the same size as the associated keys list")
    kinds = {type(key) for key in keys}
    if len(kinds) > 1:
        raise ValueError("list elements must have the same type")
    if kinds & {dict, list, type(None)}:
        raise ValueError("list elements must be comparable")
    return [items[index] for index in sorted(range(len(items)), key=keys.__getitem__)]


def _flatten(items: list[Any], depth: int) -> list[Any]:
    if depth < 0:
        raise ValueError("level must be non-negative")
    flat: list[Any] = []
    spend(len(items))
    for item in items:
        if isinstance(item, list) and depth > 0:
            flat.extend(_flatten(item, depth - 1))
        else:
            flat.append(item)
    return flat


def _insert(one: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
    spend(len(one))
    for key in other:
        if key in one:
            raise ValueError(f"insert failed: key {key} already exists")
    return one | other


def _refuse_unknown(value: object) -> object:
    """The value, unless something within it isn't known."""
    unknown = find_mark(value)
    if unknown is not None:
        raise ValueError(f"{UNDECIDABLE} {unknown}, which isn't known yet")
    return value


def _fail(message: str) -> None:
    raise ValueError(message)


# --- the table

_MAP, _STRING, _INT, _LIST, _DURATION = ("map",), ("string",), ("int",), ("list",), ("duration",)


def _bind_quantities() -> list[Binding]:
    def tag(raw: str) -> Tagged:
        return _tag_quantity(quantities.parse_quantity(raw))

    return [
        Binding("quantity", False, _STRING, tag),
        Binding("isQuantity", False, _STRING, _accepts(quantities.parse_quantity)),
        Binding("sign", False, _MAP, _sign),
        Binding("isGreaterThan", True, _MAP * 2, lambda one, other: _compare(one, other) == 1),
        Binding("isLessThan", True, _MAP * 2, lambda one, other: _compare(one, other) == -1),
        Binding("compareTo", True, _MAP * 2, _compare),
        Binding("asApproximateFloat", True, _MAP, lambda one: quantities.approximate_float(_untag_quantity(one))),
        Binding("asInteger", True, _MAP, _to_integer),
        Binding("isInteger", True, _MAP, lambda one: quantities.convert_to_integer(_untag_quantity(one)) is not None),
        *(Binding("add", True, (*_MAP, *kind), _add) for kind in (_MAP, _INT)),
        *(Binding("sub", True, (*_MAP, *kind), _subtract) for kind in (_MAP, _INT)),
    ]


def _bind_network() -> list[Binding]:
    def on_address(name: str, test: Callable[[network.Address], object]) -> Binding:
        return Binding(name, True, _MAP, lambda value: test(_untag_address(value)))

    def on_url(name: str, part: Callable[[network.Url], object]) -> Binding:
        return Binding(name, True, _MAP, lambda value: part(_untag_url(value)))

    return [
        Binding("ip", False, _STRING, lambda raw: _tag_address(network.parse_address(raw))),
        Binding("ip.isCanonical", False, _STRING, lambda raw: str(network.parse_address(raw)) == raw),
        Binding("isIP", False, _STRING, _accepts(network.parse_address)),
        Binding("string", False, _MAP, _print_tagged),
        on_address("family", lambda address: address.version),
        on_address("isUnspecified", lambda address: address.is_unspecified),
        on_address("isLoopback", lambda address: address.is_loopback),
        on_address("isLinkLocalMulticast", network.is_link_local_multicast),
        on_address("isLinkLocalUnicast", lambda address: address.is_link_local),
        on_address("isGlobalUnicast", network.is_global_unicast),
        Binding("cidr", False, _STRING, lambda raw: _tag_network(*network.parse_network(raw))),
        Binding("isCIDR", False, _STRING, _accepts(network.parse_network)),
        *(Binding("containsIP", True, (*_MAP, *kind), _contains_ip) for kind in (_MAP, _STRING)),
        *(Binding("containsCIDR", True, (*_MAP, *kind), _contains_cidr) for kind in (_MAP, _STRING)),
        Binding("ip", True, _MAP, lambda value: _tag_address(_untag_network(value)[0])),
        Binding("prefixLength", True, _MAP, lambda value: _untag_network(value)[1]),
        Binding("masked", True, _MAP, _mask),
        Binding("url", False, _STRING, _tag_url),
        Binding("isURL", False, _STRING, _accepts(network.parse_url)),
        on_url("getScheme", lambda url: url.scheme),
        on_url("getHost", lambda url: url.host),
        on_url("getHostname", lambda url: url.hostname),
        on_url("getPort", lambda url: url.port),
        on_url("getEscapedPath", lambda url: url.path),
        on_url("getQuery", lambda url: network.parse_query(url.query)),
    ]


def _bind_text() -> list[Binding]:
    def version(raw: str, normalize: bool = False) -> Tagged:
        return _tag_version(text.parse_version(raw, normalize=normalize))

    return [
        Binding("matchesText", False, _STRING * 2, text.has_match),
        Binding("find", True, _STRING * 2, text.find_first),
        Binding("findAll", True, _STRING * 2, text.find_all),
        Binding("findAll", True, (*_STRING * 2, *_INT), text.find_all),
        Binding("formatText", False, (*_STRING, *_LIST), format_text),
        Binding("int", False, _DURATION, lambda value: value // timedelta(microseconds=1) * 1000),
        Binding("durationText", False, _DURATION, print_duration),
        Binding("trimTime", False, _STRING, trim_time),
        Binding("durationMilliseconds", False, _DURATION, lambda value: value // timedelta(milliseconds=1)),
        Binding("validateFormat", False, (*_MAP, *_STRING), _validate_format),
        Binding("nameFormat", False, _STRING, _name_format),
        *(Binding("semver", False, kinds, version) for kinds in (_STRING, (*_STRING, "bool"))),
        *(Binding("isSemver", False, kinds, _accepts(version)) for kinds in (_STRING, (*_STRING, "bool"))),
        Binding("major", True, _MAP, lambda value: _untag_version(value)[0]),
        Binding("minor", True, _MAP, lambda value: _untag_version(value)[1]),
        Binding("patch", True, _MAP, lambda value: _untag_version(value)[2]),
    ]


def _bind_collections() -> list[Binding]:
    return [
        Binding("lists.range", False, _INT, _make_range),
        Binding("sort", True, _LIST, lambda items: _sort_by(items, items)),
        Binding("@sortByAssociatedKeys", True, _LIST * 2, _sort_by),
        Binding("flatten", True, (*_LIST, *_INT), _flatten),
        Binding("cel.@mapInsert", False, _MAP * 2, _insert),
        Binding("fail", False, _STRING, _fail),
        *(Binding("refuseUnknown", False, kind, _refuse_unknown) for kind in (_MAP, _LIST)),
    ]


def _bind_authorization(grants: Sequence[Grant] | None) -> list[Binding]:
    def of_decision(name: str, read: Callable[[Tagged], object]) -> Binding:
        return Binding(name, True, _MAP, lambda value: read(expect_tag(value, "Decision")))

    narrowing = {"subresource": "subresource", "namespace": "namespace", "name": "name"}
    narrowing |= {"fieldSelector": "fieldSelector", "labelSelector": "labelSelector"}
    pair, triple = (*_MAP, *_STRING), (*_MAP, *_STRING * 2)
    return [
        Binding("path", True, pair, authz.check_path),
        Binding("group", True, pair, authz.check_group),
        Binding("serviceAccount", True, triple, authz.act_as_service_account),
        Binding("resource", True, pair, authz.check_resource),
        *(Binding(name, True, pair, partial(authz.narrow_check, key)) for name, key in narrowing.items()),
        Binding("check", True, pair, partial(authz.decide_check, grants)),
        of_decision("errored", lambda decision: bool(decision["error"])),
        of_decision("error", lambda decision: decision["error"]),
        of_decision("allowed", lambda decision: decision["allowed"]),
        of_decision("reason", lambda decision: decision["reason"]),
    ]


def list_bindings(grants: Sequence[Grant] | None) -> list[Binding]:
    """All functions in Python; `grants` None means that they aren't declared, and asking for them is undecidable."""
    return [
        *_bind_quantities(),
        *_bind_network(),
        *_bind_text(),
        *_bind_collections(),
        *_bind_authorization(grants),
    ]
