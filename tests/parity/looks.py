"""Policies that tell what an object looks like to policies: every field that is there, and its type."""

from apiserver import Manifest, bind, make

# Expressions can't be nested any deeper; what is below is compared in the object that a server answers with.
_LEVELS = 4
_RULE = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": ["*"]}
# What only a server fills in, by its name. A job's labels and its selector are made of its id.
_HIDDEN = ["uid", "creationTimestamp", "generation", "resourceVersion", "managedFields", "finalizers", "status"]
_HIDDEN += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "nodePort", "healthCheckNodePort"]
_HIDDEN_OF_JOBS = [*_HIDDEN, "selector", "labels"]
# Pods, and what workloads make them of, lie too deep to be seen with the rest.
_PODS = (
    "[object.?spec, object.?spec.?template.?spec, object.?spec.?jobTemplate.?spec.?template.?spec]"
    ".filter(p, p.hasValue() && type(p.value()) == map).map(p, p.value())"
)
PARTS = {
    "whole": "object",
    "old": "oldObject",
    "pods": f"dyn({_PODS}.map(p, [p.?containers, p.?initContainers, p.?volumes].map(o, o.orValue(null))))",
}
"""What each policy shows: to the looker of its name, and nobody else."""


def name_looker(part: str) -> str:
    """Who makes a request that a policy refuses with a description of a part of its object."""
    return f"looker-{part}"


def _describe(value: str, hidden: list[str], levels: int, before: str = "''") -> str:
    """An expression for what a value looks like, down to some levels, after a text."""
    if levels == 0:
        return f"{before} + '~'"
    part, name = f"v{levels}", f"k{levels}"
    entry = _describe(part, hidden, levels - 1, f"{name} + ':'")
    mapping = f"{value}.transformList({name}, {part}, !({name} in {hidden}), {entry}).sort().join(',')"
    items = f"{value}.map({part}, {_describe(part, hidden, levels - 1)}).join(',')"
    scalar = ", ".join(f"type({value}) == {kind}" for kind in ("string", "int", "bool", "double", "bytes"))
    return (
        f"type({value}) == map ? {before} + '{{' + {mapping} + '}}'"
        f" : type({value}) == list ? {before} + '[' + {items} + ']'"
        f" : {before} + string([{scalar}].indexOf(true))"
    )


def make_looks() -> list[Manifest]:
    """The policies, with their bindings."""
    documents = []
    for kind, hidden in (("!=", _HIDDEN), ("==", _HIDDEN_OF_JOBS)):
        for part, value in PARTS.items():
            name = f"looks-{part}-{'jobs' if kind == '==' else 'others'}"
            conditions = [
                {"name": "looker", "expression": f"request.userInfo.username == '{name_looker(part)}'"},
                {"name": "kind", "expression": f"request.kind.kind {kind} 'Job'"},
            ]
            shown = _describe("variables.part", hidden, _LEVELS)
            spec = {
                "matchConstraints": {"resourceRules": [_RULE]},
                "matchConditions": conditions,
                "variables": [{"name": "part", "expression": value}],
                "validations": [{"expression": "false", "messageExpression": shown, "message": "too long"}],
            }
            documents.append(make("ValidatingAdmissionPolicy", name, spec))
            documents.append(
                make("ValidatingAdmissionPolicyBinding", name, bind(name) | {"validationActions": ["Deny"]})
            )
    return documents
