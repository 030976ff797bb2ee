"""Holds what is asked for against what lives: in words, object by object."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tenantry.fleet.site.live import LiveTenant, is_ours, live_hash
from tenantry.render.manifest import Manifest, Rendered, object_key


class State(StrEnum):
    """Where a tenant stands."""

    AS_ASKED = "as asked"
    ABSENT = "absent"
    CHANGED = "request changed"
    DRIFTED = "drifted"
    UNFINISHED = "unfinished"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Difference:
    """One object that isn't as it should be, and how."""

    key: str
    what: str

    def __str__(self) -> str:
        """Give the line that `tenantry drift` prints."""
        return f"{self.key}: {self.what}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A tenant's state, with each object that differs from what was last applied."""

    state: State
    differences: tuple[Difference, ...]


StoreDifferences = Mapping[str, tuple[str, ...] | None]
"""What of each object-store document, by key, the store has otherwise; None where the store doesn't have it."""


def compare(rendered: Rendered, live: LiveTenant, store: StoreDifferences) -> Comparison:
    """Compare a tenant's rendered objects with its live ones and with the record of its last apply."""
    record = live.record
    if record is None:
        return Comparison(State.UNFINISHED if live.objects else State.ABSENT, ())
    differences = (*_differences(rendered, live, record.objects), *_store_differences(store))
    if record.digest != rendered.digest:
        return Comparison(State.CHANGED, differences)
    return Comparison(State.DRIFTED if differences else State.AS_ASKED, differences)


def _differences(rendered: Rendered, live: LiveTenant, applied: Mapping[str, str]) -> Iterator[Difference]:
    wanted = {object_key(manifest): manifest for manifest in rendered.kubernetes}
    for key, hashed in sorted(applied.items()):
        if key not in live.objects:
            yield Difference(key, "it is gone")
        elif live_hash(live.objects[key]) != hashed:
            yield Difference(key, _change(wanted.get(key), live.objects[key]))
    for key in sorted(live.objects.keys() - applied.keys()):
        if is_ours(live.objects[key]):
            yield Difference(key, "tenantry made it, and no request asks for it")


def _store_differences(store: StoreDifferences) -> Iterator[Difference]:
    for key, paths in sorted(store.items()):
        if paths is None:
            yield Difference(key, "it is gone")
        elif paths:
            yield Difference(key, f"{', '.join(paths)} changed in the store")


def _change(wanted: Manifest | None, live: Mapping[str, Any]) -> str:
    if wanted is None:
        return "it was changed"
    paths = [_shown(path, want, have) for path, want, have in _unequal(wanted, live, ())]
    return "; ".join(paths[:5]) if paths else "a field that tenantry doesn't set was changed"


def _shown(path: Sequence[str], want: object, have: object) -> str:
    name = ".".join(path)
    if path and path[0] in ("data", "stringData"):
        return f"{name} was changed"
    return f"{name} is {_short(have)}, asked for {_short(want)}"


def _short(value: object) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _unequal(want: object, have: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object, object]]:
    """Give the leaves that are asked for and differ; what the server adds to a map is its own."""
    if isinstance(want, Mapping) and isinstance(have, Mapping):
        for name, value in want.items():
            yield from _unequal(value, have.get(name), (*path, name))
    elif isinstance(want, Sequence) and not isinstance(want, str) and isinstance(have, list) and len(want) == len(have):
        for index, (one, other) in enumerate(zip(want, have, strict=True)):
            yield from _unequal(one, other, (*path, str(index)))
    elif want != have and not (have is None and not want and not isinstance(want, bool)):
        # The API leaves out what is empty: `ingress: []` comes back as nothing.
        yield path, want, have
