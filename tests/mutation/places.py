"""Where in a policy's documents something can be weakened, and the documents with one thing that is."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutation.weaken import weaken
from tenantry.policy import read_paths

Documents = list[dict[str, Any]]
_Key = tuple[str | int, ...]
HELD = {
    "rbac-reserved-names variables.known": "test_what_the_api_server_makes_itself_passes asks a real server",
}
"""What isn't weakened, and why: a test without cases would notice."""
_EXPRESSIONS = {"matchConditions": "name", "variables": "name", "validations": ""}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A policy and its binding with one thing weakened: where, and what it was before and is after."""

    place: str
    before: str
    after: str
    documents: Documents


def mutants(policy: Path) -> Iterator[Mutant]:
    """All single mutants of a policy; some of them an API server wouldn't take."""
    documents = [placed.manifest for placed in read_paths([policy])]
    for place, key in _expressions(documents[0]["spec"]):
        if f"{policy.parent.name} {place}" in HELD:
            continue
        for change in weaken(_find(documents, key)):
            yield Mutant(place, change.before, change.after, _put(documents, key, change.text))
    yield from _rules(documents)
    selector: _Key = (1, "spec", "matchResources", "namespaceSelector")
    if documents[1]["spec"].get("matchResources"):
        shown = str(_find(documents, selector))
        yield Mutant("binding.namespaceSelector", shown, "{}", _put(documents, selector, {}))


def _expressions(spec: dict[str, Any]) -> Iterator[tuple[str, _Key]]:
    for part, named in _EXPRESSIONS.items():
        for index, one in enumerate(spec.get(part) or ()):
            place = f"{part}.{one[named]}" if named else f"{part}[{index}]"
            yield place, (0, "spec", part, index, "expression")
            if "messageExpression" in one:
                yield f"{place}.messageExpression", (0, "spec", part, index, "messageExpression")


def _rules(documents: Documents) -> Iterator[Mutant]:
    """Drop each operation and each resource; a rule with none left goes itself."""
    whole: _Key = (0, "spec", "matchConstraints", "resourceRules")
    rules = _find(documents, whole)
    for index, rule in enumerate(rules):
        for word in ("operations", "resources"):
            for one in rule[word]:
                left = [other for other in rule[word] if other != one]
                kept = [rule | {word: left}] if left else []
                changed = [*rules[:index], *kept, *rules[index + 1 :]]
                place = f"resourceRules[{index}].{word}"
                yield Mutant(place, f"{rule[word]}", f"{left}", _put(documents, whole, changed))


def _find(documents: Documents, key: _Key) -> Any:  # noqa: ANN401
    found: Any = documents
    for part in key:
        found = found[part]
    return found


def _put(documents: Documents, key: _Key, value: object) -> Documents:
    changed = deepcopy(documents)
    _find(changed, key[:-1])[key[-1]] = value
    return changed
