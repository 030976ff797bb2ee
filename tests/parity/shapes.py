"""Values of the API's own types, from the OpenAPI documents that an API server publishes of itself."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from apiserver import ApiServer
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Schema = dict[str, Any]

_CHOICES = re.compile(r'^ - `"([^"]*)"`', re.MULTILINE)
_QUANTITY, _INT_OR_TEXT = "io.k8s.apimachinery.pkg.api.resource.Quantity", "int-or-string"
_GROUPS = ("", "apps", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "autoscaling")

WORDS = ["a", "web", "x.example", "app/one", "/data", "1", "", "Ä é", "10.0.0.1", "registry.example/a:1", "a=b,c"]
# What fields of some names hold, where their type says no more than that it's a text.
BY_NAME: dict[str, list[str]] = {
    "name": ["a", "web", "default", "tenant-low", "x.example", "Not_A_Name"],
    "image": ["registry.example/a:1", "nginx", "nginx:latest", "a@sha256:" + "0" * 64, ""],
    "mountPath": ["/data", "/var/run/secrets/kubernetes.io/serviceaccount", "relative"],
    "path": ["/", "/data", "token", "../up"],
    "host": ["portal.gov.example", "x.example", "*.x.example"],
    "key": ["a", "node.kubernetes.io/not-ready", "x.example/key"],
    "apiGroup": ["rbac.authorization.k8s.io", "", "apps"],
    "serviceAccountName": ["default", "app", "nobody"],
    "fieldPath": ["metadata.name", "metadata.labels", "spec.nodeName", "metadata.nothing"],
    "schedule": ["* * * * *", "@daily", "never"],
    "ip": ["10.0.0.1", "::1", "x"],
    "cidr": ["10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0"],
    "topologyKey": ["kubernetes.io/hostname", "zone"],
    "labels": ["a", "web", "", "Ä é"],
    "matchLabels": ["a", "web", ""],
    "nodeSelector": ["a", "ssd", ""],
    "resource": ["limits.cpu", "requests.memory", "pods"],
}
QUANTITIES: list[object] = ["1", "500m", "1Gi", "0", "1.5", "1e3", "0.1Gi", "-1", "1000000k", 2, 0.5, "1u", "+3", "1Ki"]
INTEGERS = [0, 1, 2, 80, 443, 8080, 65535, 65536, -1, 1000, 0o644, 2**31 - 1, 2**31, 2**53, 2**63]
TIMES = ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00+08:00", "2026-01-31T12:00:00.123456Z", "yesterday"]
BYTES = ["YQ==", "", "YWJj\nZGVm", "no base64!"]
PORTS: list[object] = [80, "web", "25%", 0, "8080", 65536]
STRANGE: list[object] = ["text", "5", "true", 5, 1.5, 1.0, True, [], {}, [None], {"a": None}, ["a"], {"x": "y"}]
DEEPEST = 5


@dataclass
class Shapes:
    """The schemas of an API server, by their names and by the kinds that they are of."""

    schemas: dict[str, Schema] = field(default_factory=dict)
    kinds: dict[tuple[str, str], str] = field(default_factory=dict)

    def resolve(self, schema: Schema) -> Schema:
        """A schema itself, where another one is meant."""
        meant = [one["$ref"] for one in (schema, *schema.get("allOf", ())) if "$ref" in one]
        if not meant:
            return schema
        name = meant[0].rpartition("/")[2]
        if name == _QUANTITY:
            return {"format": "quantity"}
        return {**self.resolve(self.schemas[name]), "description": schema.get("description", "")}

    def find(self, api_version: str, kind: str) -> Schema:
        return self.schemas[self.kinds[api_version, kind]]

    def child(self, schema: Schema, key: str | int) -> Schema:
        """The schema of a part; an empty one where none is known."""
        if isinstance(key, int):
            return self.resolve(schema.get("items", {}))
        known = schema.get("properties", {}).get(key)
        return self.resolve(known if known is not None else schema.get("additionalProperties") or {})

    def draw(self, draw: Draw, schema: Schema, name: str = "", depth: int = 0) -> object:
        """A value of a schema's type: most often one that means something."""
        kind, form = schema.get("type"), schema.get("format", "")
        if form in _FORMS:
            return draw(_FORMS[form])
        if kind == "string":
            return draw(_texts(name, schema.get("description", "")))
        if kind in _TYPES:
            return draw(_TYPES[kind])
        if kind == "array":
            item = self.child(schema, 0)
            return [self.draw(draw, item, name, depth + 1) for _ in range(draw(_FEW if depth < DEEPEST else _NONE))]
        if "properties" in schema:
            return self._draw_struct(draw, schema, depth)
        values = self.child(schema, "")
        return {draw(_KEYS): self.draw(draw, values, name, depth + 1) for _ in range(draw(_FEW) if values else 0)}

    def _draw_struct(self, draw: Draw, schema: Schema, depth: int) -> dict[str, object]:
        required, properties = set(schema.get("required", ())), sorted(schema["properties"])
        optional = [key for key in properties if key not in required]
        chosen = draw(st.sets(st.sampled_from(optional), max_size=2)) if optional and depth < DEEPEST else set()
        keys = sorted(required | chosen)
        return {key: self.draw(draw, self.child(schema, key), key, depth + 1) for key in keys}


_FORMS: dict[str, st.SearchStrategy[Any]] = {
    "quantity": st.sampled_from(QUANTITIES),
    _INT_OR_TEXT: st.sampled_from(PORTS),
    "date-time": st.sampled_from(TIMES),
    "byte": st.sampled_from(BYTES),
}
_TYPES: dict[str, st.SearchStrategy[Any]] = {
    "integer": st.sampled_from(INTEGERS),
    "boolean": st.booleans(),
    "number": st.sampled_from([0, 0.5, 1.0, 3]),
}
_KEYS = st.sampled_from(["a", "app", "x.example/key", "cpu", "memory", "pods", "requests.cpu", "storage", "Key_1"])
_FEW, _NONE = st.integers(0, 2), st.just(0)


def _texts(name: str, description: str) -> st.SearchStrategy[str]:
    choices = _CHOICES.findall(description)
    if choices:
        # One in eight is none of them, which a server's own validation refuses.
        return st.sampled_from([*[one for one in choices for _ in range(7)][:56], "Other"])
    return st.sampled_from(BY_NAME.get(name, WORDS))


def load_shapes(server: ApiServer) -> Shapes:
    """The schemas of the kinds that are compared."""
    shapes = Shapes()
    for group in _GROUPS:
        path = "api/v1" if not group else f"apis/{group}/{'v2' if group == 'autoscaling' else 'v1'}"
        answer = server.request("GET", f"/openapi/v3/{path}")
        assert answer.status == 200, answer.message
        for name, schema in answer.body["components"]["schemas"].items():
            shapes.schemas[name] = schema
            for one in schema.get("x-kubernetes-group-version-kind", ()):
                version = f"{one['group']}/{one['version']}" if one["group"] else one["version"]
                shapes.kinds[version, one["kind"]] = name
    return shapes
