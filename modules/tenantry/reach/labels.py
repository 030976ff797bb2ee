"""Label selectors as what is possible of each label, so that several can hold of one pod at once, or can't."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_STEPS = 10_000
"""After so many steps, a pod that avoids selectors is taken to be possible: what isn't known closed counts as open."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one label may be: one of the values, or with `others` anything but these; `absent`: or not there."""

    values: frozenset[str]
    others: bool
    absent: bool

    def meet(self, other: "Choice") -> "Choice":
        """Give what both allow."""
        absent = self.absent and other.absent
        if self.others and other.others:
            return Choice(self.values | other.values, others=True, absent=absent)
        if self.others or other.others:
            some, but = (other, self) if self.others else (self, other)
            return Choice(some.values - but.values, others=False, absent=absent)
        return Choice(self.values & other.values, others=False, absent=absent)

    def invert(self) -> "Choice":
        """Give what this doesn't allow."""
        return Choice(self.values, others=not self.others, absent=not self.absent)

    @property
    def is_possible(self) -> bool:
        """Say whether a label can be so at all."""
        return bool(self.values) or self.others or self.absent


_ANYTHING = Choice(frozenset(), others=True, absent=True)
_NOTHING = Choice(frozenset(), others=False, absent=True)


@dataclass(frozen=True, slots=True)
class Labels:
    """What the labels of an object may be: a choice for some keys, and `rest` for all others."""

    choices: tuple[tuple[str, Choice], ...] = ()
    rest: Choice = _ANYTHING

    def meet(self, other: "Labels") -> "Labels | None":
        """Give what both allow, or nothing where no object can be both."""
        mine, theirs = dict(self.choices), dict(other.choices)
        met = {key: mine.get(key, self.rest).meet(theirs.get(key, other.rest)) for key in sorted(mine.keys() | theirs)}
        if not all(choice.is_possible for choice in met.values()):
            return None
        return Labels(tuple(met.items()), self.rest.meet(other.rest))


ANY_LABELS = Labels()


def fix_labels(labels: Mapping[str, str]) -> Labels:
    """Give the labels of an object that is known: these, and no others."""
    return Labels(tuple((key, _one_of(value)) for key, value in sorted(labels.items())), _NOTHING)


def read_selector(selector: Mapping[str, Any] | None) -> Labels | None:
    """Give what the labels of a selected object may be, or nothing where no object can be selected.

    An empty selector selects everything. Source: Kubernetes LabelSelector, meta/v1.
    """
    found = ANY_LABELS
    for key, choice in _read_terms(selector or {}):
        met = found.meet(Labels(((key, choice),)))
        if met is None:
            return None
        found = met
    return found


def _read_terms(selector: Mapping[str, Any]) -> Iterator[tuple[str, Choice]]:
    for key, value in (selector.get("matchLabels") or {}).items():
        yield key, _one_of(value)
    for term in selector.get("matchExpressions") or ():
        chosen = _one_of(*(term.get("values") or ()))
        exists = _NOTHING.invert()
        by_operator = {"In": chosen, "NotIn": chosen.invert(), "Exists": exists, "DoesNotExist": _NOTHING}
        yield term["key"], by_operator[term["operator"]]


def _one_of(*values: str) -> Choice:
    return Choice(frozenset(values), others=False, absent=False)


def can_avoid(labels: Labels, avoided: Sequence[Labels]) -> bool:
    """Say whether an object with such labels can be one that none of the selectors selects."""
    steps = 0

    def search(held: Labels, at: int) -> bool:
        nonlocal steps
        steps += 1
        if at == len(avoided) or steps > MOST_STEPS or held.meet(avoided[at]) is None:
            return at == len(avoided) or steps > MOST_STEPS or search(held, at + 1)
        # It differs in at least one of the keys that the selector looks at.
        ways = (held.meet(Labels(((key, choice.invert()),))) for key, choice in avoided[at].choices)
        return any(search(way, at + 1) for way in ways if way is not None)

    return search(labels, 0)
