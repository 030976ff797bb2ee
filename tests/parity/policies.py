"""Whole policies from a grammar, with their bindings and what they are to judge. Some are none that a server takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apiserver import Manifest
from grammar import bool_expressions, int_expressions, join, list_expressions, string_expressions
from hypothesis import strategies as st

from parity.matching import matches, mostly, often, some

NAMESPACE = "{ns}"
"""Stands for the namespace in which policies are tried."""
LONGEST = 120


@dataclass(frozen=True)
class Asked:
    """One request: which object of the pool, created or changed, with what name, labels and data."""

    kind: str
    updates: bool
    name: str
    labels: dict[str, str]
    data: dict[str, str]


@dataclass(frozen=True)
class Trial:
    """A policy's spec, those of its bindings, and what is asked while they're in force."""

    policy: Manifest
    bindings: tuple[Manifest, ...]
    asked: tuple[Asked, ...]


def _read(name: str) -> st.SearchStrategy[str]:
    """One of the expressions of a table, one a line."""
    text = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    return st.sampled_from(text.splitlines())


def _short(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return texts.filter(lambda text: len(text) <= LONGEST)


_INTS = _short(int_expressions())
_LISTS = _short(list_expressions(_INTS))
_STRINGS = _short(string_expressions(_INTS, _LISTS))
_SOUND = st.one_of(_read("conditions"), _read("conditions"), _short(bool_expressions()))
_BOOLS = st.one_of(*[_SOUND] * 60, _read("unsound"))
# A message must be known to be a text.
_TEXTS = st.one_of(*[join("string({})", _STRINGS)] * 20, _STRINGS)
_VALUES = st.one_of(_read("values"), _STRINGS, _INTS, _LISTS, _BOOLS)


def _use(names: list[str]) -> st.SearchStrategy[str]:
    """A check by variables."""
    named = st.sampled_from(names)
    templates = (
        "variables.{} == 'a'",
        "variables.{} > 0",
        "size(variables.{}) > 1",
        "has(variables.{})",
        "has(variables.{}.name)",
        "type(variables.{}) == string",
        "string(variables.{}) != ''",
        "dyn(variables.{}) == 1",
        "variables.{} == dyn(oldObject)",
        "[1, 2].exists(x, x == 1 && variables.{} == 'a')",
    )
    return st.one_of(
        *(join(template, named) for template in templates),
        join("variables.{} == variables.{}", named, named),
        join("variables.{} != null || variables.{} == 1", named, named),
        join("{} || variables.{} == 'a'", _BOOLS, named),
        join("{} ? true : variables.{}", _BOOLS, named),
    )


_MESSAGES = mostly(["said", " said ", "", "Ünïcode 'quoted' \"text\"", "x" * 200, "\\back"], "two\nlines", "  ")
_REASONS = mostly(["Forbidden", "Invalid", "Unauthorized", "RequestEntityTooLarge"], "Other")


def _validations(checks: st.SearchStrategy[str], names: list[str]) -> st.SearchStrategy[Any]:
    told = st.one_of(_TEXTS, _read("messages"))
    if names:
        checks = st.one_of(checks, _use(names))
        told = st.one_of(told, join("'told ' + string(variables.{})", st.sampled_from(names)))
    words = {"message": often(_MESSAGES, of=2), "messageExpression": often(told, of=2), "reason": often(_REASONS)}
    return st.lists(some(words, expression=checks), min_size=1, max_size=3)


def _conditions(checks: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    condition = some({}, name=mostly(["one", "two", "x.example/three"], "not a name"), expression=checks)
    return st.lists(condition, min_size=1, max_size=2, unique_by=lambda one: one["name"])


_ANNOTATIONS = st.lists(
    some({}, key=mostly(["one", "two", "three"], "no/key"), valueExpression=st.one_of(_TEXTS, _read("messages"))),
    min_size=1,
    max_size=2,
    unique_by=lambda one: one["key"],
)


_PARAM_KINDS = mostly([{"apiVersion": "v1", "kind": "ConfigMap"}], {"apiVersion": "v1"})


@st.composite
def _policies(draw: Any) -> Manifest:  # noqa: ANN401  (hypothesis' own)
    names = draw(st.lists(mostly(["a", "b", "c"], "in", "1a"), max_size=3, unique=True))
    variables: list[Manifest] = []
    for name in names:
        earlier = [one["name"] for one in variables]
        value = st.one_of(_VALUES, _use(earlier)) if earlier else _VALUES
        variables.append({"name": name, "expression": draw(value)})
    kind = draw(often(_PARAM_KINDS))
    checks = _BOOLS if kind is None else st.one_of(_BOOLS, _read("params"))
    rest = {
        "failurePolicy": often(mostly(["Ignore", "Fail"], "Warn")),
        "matchConditions": often(_conditions(checks)),
        "auditAnnotations": often(_ANNOTATIONS, of=5),
    }
    whole = some(rest, matchConstraints=matches(needs_rules=True), validations=_validations(checks, names))
    parts = {"variables": variables, "paramKind": kind}
    return {**draw(whole), **{key: part for key, part in parts.items() if part}}


_ACTIONS = mostly(
    [["Warn"], ["Warn"], ["Warn"], ["Deny"], ["Audit"], ["Warn", "Audit"], ["Deny", "Audit"]],
    ["Deny", "Warn"],
    [],
    ["Deny", "Deny"],
    ["Tell"],
)
_SELECTORS = st.sampled_from([{"matchLabels": {"set": "a"}}, {"matchLabels": {"set": "b"}}, {}])
_PARAMS = st.one_of(
    some({"name": mostly(["one", "two", "three", "nowhere"], "")}),
    some({"selector": _SELECTORS}),
)
_REFERENCES = st.builds(
    lambda chosen, placed, action: {**chosen, **placed, **action},
    _PARAMS,
    st.sampled_from([{}, {"namespace": NAMESPACE}, {"namespace": NAMESPACE}, {"namespace": "default"}]),
    mostly([{"parameterNotFoundAction": "Allow"}, {"parameterNotFoundAction": "Deny"}], {}),
)
_ASKED = st.builds(
    Asked,
    st.sampled_from(["ConfigMap", "Pod", "Pod", "Deployment", "Service", "Namespace", "ClusterRole"]),
    st.booleans(),
    st.sampled_from(["subject", "other"]),
    st.sampled_from([{}, {"tier": "web"}, {"tier": "api", "app": "a"}, {"tenantry.dev/tenant": "t-00000000"}]),
    st.sampled_from([{"a": "1"}, {}, {"a": "1", "b": ""}]),
)


@st.composite
def trials(draw: Any) -> Trial:  # noqa: ANN401  (hypothesis' own)
    """A policy with one binding or two, and a few requests."""
    policy = draw(_policies())
    reference = {"paramRef": often(_REFERENCES, of=2) if "paramKind" in policy else often(_REFERENCES, of=20)}
    binding = some({"matchResources": often(matches(needs_rules=False)), **reference}, validationActions=_ACTIONS)
    bindings = draw(st.lists(binding, min_size=1, max_size=2))
    return Trial(policy, tuple(bindings), tuple(draw(st.lists(_ASKED, min_size=3, max_size=4))))
