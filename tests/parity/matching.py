"""What policies and bindings match, at random."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]


def often(value: Strategy, *, of: int = 3) -> Strategy:
    """Nothing, or in one of some cases a value."""
    return st.one_of(*[st.none()] * (of - 1), value)


def some(optional: dict[str, Strategy], **required: Strategy) -> Strategy:
    """A mapping whose optional properties may be missing, by giving None."""
    return st.fixed_dictionaries({**required, **optional}).map(
        lambda found: {key: value for key, value in found.items() if value is not None}
    )


def mostly(sound: Sequence[Any], *unsound: Any) -> Strategy:  # noqa: ANN401  (values of any kind)
    """One of some values; one of two hundred is one that no server takes."""
    return st.sampled_from([*sound] * max(1, 200 * len(unsound) // len(sound)) + [*unsound])


_OPERATIONS = mostly(
    [["CREATE"], ["CREATE", "UPDATE"], ["*"], ["UPDATE"], ["CREATE", "UPDATE", "DELETE", "CONNECT"], ["DELETE"]],
    ["Create"],
    ["*", "CREATE"],
    [],
)
_RESOURCES = mostly(
    [
        ["*"],
        ["*/*"],
        ["pods"],
        ["pods", "configmaps", "deployments"],
        ["configmaps", "services"],
        ["*", "pods/*"],
        ["namespaces", "clusterroles"],
        ["*", "*/scale"],
    ],
    ["pods/status"],
    ["*/status"],
    ["pods/*", "pods/log"],
    ["*", "pods"],
    ["*/*", "pods/status"],
    ["pods", ""],
    [],
)
_GROUPS = mostly([[""], ["*"], ["", "apps"], ["apps"], ["", "rbac.authorization.k8s.io"], ["batch"]], ["", "*"], [])
_VERSIONS = mostly([["v1"], ["*"], ["v1", "v1beta1"], ["v2"], ["v1"]], ["*", "v1"], [""])
_WIDE = st.just({"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]})
_RULE = some(
    {
        "scope": often(mostly(["*", "Namespaced", "Cluster"], "Site")),
        "resourceNames": often(st.lists(st.sampled_from(["subject", "other"]), max_size=2, unique=True), of=5),
    },
    apiGroups=_GROUPS,
    apiVersions=_VERSIONS,
    operations=_OPERATIONS,
    resources=_RESOURCES,
)
_REQUIREMENT = st.one_of(
    some(
        {},
        key=mostly(["tier", "app", "kubernetes.io/metadata.name", "tenantry.dev/tenant"], "not a key", ""),
        operator=mostly(["In", "NotIn"], "Exists", "Is"),
        values=mostly([["web"], ["web", "api"], [""], ["t-00000000"], ["kube-system", "default"]], [], ["a b"]),
    ),
    some({}, key=st.sampled_from(["tier", "app", "other"]), operator=mostly(["Exists", "DoesNotExist"], "In")),
)
_SELECTOR = some(
    {
        "matchLabels": often(
            mostly([{"tier": "web"}, {"app": "a"}, {"tenantry.dev/tenant": "t-00000000"}, {}], {"tier": "a b"}), of=2
        ),
        "matchExpressions": often(st.lists(_REQUIREMENT, max_size=2), of=2),
    }
)


def matches(*, needs_rules: bool) -> Strategy:
    """What a policy (which needs rules), or a binding, is for."""
    rules = st.lists(st.one_of(_WIDE, _WIDE, _RULE), min_size=1, max_size=2)
    return some(
        {
            "resourceRules": rules if needs_rules else often(rules, of=2),
            "excludeResourceRules": often(st.lists(_RULE, min_size=1, max_size=2), of=6),
            "namespaceSelector": often(_SELECTOR, of=5),
            "objectSelector": often(_SELECTOR, of=5),
            "matchPolicy": often(mostly(["Exact", "Equivalent"], "Same"), of=4),
        }
    )
