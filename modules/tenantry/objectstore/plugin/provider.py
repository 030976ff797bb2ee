"""The provider: what a Pulumi engine asks, answered for every kind of object by the same few steps.

It keeps nothing between calls. Each resource's inputs name its site, whose connection is looked up on this machine; so
one provider serves many engines and many sites at once, and neither an address nor a key gets into state.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import PropertyValue

from tenantry import __version__
from tenantry.objectstore.capabilities import Issuer, ensure_recorded, recorded
from tenantry.objectstore.kinds.access_key import AccessKey
from tenantry.objectstore.kinds.base import Inputs, Kind
from tenantry.objectstore.kinds.bucket import Bucket
from tenantry.objectstore.kinds.oidc_provider import OidcProvider
from tenantry.objectstore.kinds.role import Role, trusted_issuer
from tenantry.objectstore.kinds.user import User
from tenantry.objectstore.plugin.values import UNKNOWN, Properties, engine, has_unknown, plain
from tenantry.objectstore.spec import DEFAULTS, REQUIRED, TENANT_LABEL, Json, complete, needed_capabilities
from tenantry.objectstore.store import open_store
from tenantry.problems import UnreachableError

PACKAGE: Final = "objectstore"
KINDS: Final[Mapping[str, Kind]] = {
    "Bucket": Bucket(),
    "User": User(),
    "AccessKey": AccessKey(),
    "Role": Role(),
    "OidcProvider": OidcProvider(),
}
INPUTS: Final = ("site", "tenant", "name")
OUTPUTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Bucket": ("arn",),
    "User": ("arn",),
    "AccessKey": ("accessKeyId", "secretAccessKey"),
    "Role": ("arn",),
    "OidcProvider": ("arn",),
}
SECRETS: Final = frozenset({"secretAccessKey"})


def kind_name(token: str) -> str:
    """Give the kind of a type token, `objectstore:index:<kind>`."""
    return token.rpartition(":")[2]


def inputs_of(kind: str, properties: Properties) -> Inputs:
    """Read a resource's inputs; what is missing becomes its default."""
    raw = {key: plain(properties.get(key)) for key in (*INPUTS, "spec")}
    spec = raw["spec"] if isinstance(raw["spec"], Mapping) else {}
    if raw["spec"] is UNKNOWN:
        spec = dict.fromkeys(set(DEFAULTS[kind]) | REQUIRED[kind], UNKNOWN)
    return Inputs(raw["site"], raw["tenant"] or "", raw["name"], complete(kind, spec))


def changed_paths(kind: str, old: Inputs, new: Inputs) -> list[str]:
    """Name the properties that differ in meaning; an unknown one differs."""
    paths = [key for key in INPUTS if getattr(old, key) != getattr(new, key)]
    for key in sorted(set(old.spec) | set(new.spec)):
        one, other = old.spec.get(key), new.spec.get(key)
        if has_unknown(other) or not _same(kind, key, one, other):
            paths.append(f"spec.{key}")
    return paths


def _same(kind: str, key: str, one: Json, other: Json) -> bool:
    return bool(one == other) or (one is not None and KINDS[kind].same(key, one, other))


class ObjectStoreProvider(rpc.Provider):
    """Objects of S3, IAM and STS as Pulumi resources. Its methods block; `server` runs each in a thread of its own."""

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:  # noqa: ARG002
        """Describe the package."""
        return rpc.GetSchemaResponse(json.dumps(schema()))

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Refuse wrong inputs and what the site's store can't do; fill in the defaults."""
        kind, new = kind_name(request.type), request.new_inputs
        failures = _shape_faults(kind, new)
        if failures or has_unknown(plain(new.get("site"))):
            return rpc.CheckResponse(new, failures)
        inputs = inputs_of(kind, new)
        failures = [rpc.CheckFailure(path, reason) for path, reason in KINDS[kind].faults(_known(kind, inputs))]
        failures += _owner_faults(inputs) + _capability_faults(kind, inputs)
        return rpc.CheckResponse(_completed(kind, new), failures)

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Compare by meaning, and say what can't change in place."""
        kind = kind_name(request.type)
        old, new = inputs_of(kind, request.old_state), inputs_of(kind, request.new_inputs)
        ignored = set(request.ignore_changes)
        paths = [path for path in changed_paths(kind, old, new) if path not in ignored]
        can = (recorded(old.site) or frozenset()) if paths else frozenset()
        replaces = sorted(KINDS[kind].replaces(old, new, can) & set(paths))
        detailed = {
            path: rpc.PropertyDiff(
                rpc.PropertyDiffKind.UPDATE_REPLACE if path in replaces else rpc.PropertyDiffKind.UPDATE,
                input_diff=True,
            )
            for path in paths
        }
        # Two objects of one name can't be side by side; a key's generations must be.
        first = kind != "AccessKey" and (old.site, old.name) == (new.site, new.name)
        return rpc.DiffResponse(
            changes=bool(paths),
            replaces=replaces,
            diffs=paths,
            detailed_diff=detailed,
            delete_before_replace=bool(replaces) and first,
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """Make an object; in a preview, say what isn't known yet."""
        kind = kind_name(request.type)
        if request.preview:
            unknown = {key: engine(UNKNOWN) for key in OUTPUTS[kind]}
            return rpc.CreateResponse("", {**request.properties, **unknown})
        inputs = inputs_of(kind, request.properties)
        made = KINDS[kind].create(open_store(inputs.site), inputs)
        return rpc.CreateResponse(made.id, {**request.properties, **outputs_of(made.outputs)})

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """Read an object as it is, for a refresh or an import; what means the same keeps the words it was asked in."""
        kind = kind_name(request.type)
        asked = request.inputs or request.properties
        known = inputs_of(kind, asked) if "site" in asked and "spec" in asked else None
        site = known.site if known else request.resource_id.partition("/")[0]
        found = KINDS[kind].read(open_store(site), request.resource_id, known)
        if found is None:
            return rpc.ReadResponse("", {}, {})
        given = asked["spec"].value if known else {}
        held = dict(given) if isinstance(given, Mapping) else {}
        for key, value in found.spec.items():
            if known is None or key not in held or not _same(kind, key, value, known.spec.get(key)):
                held[key] = _instead(held.get(key), engine(value))
        read = {"site": site, "tenant": found.tenant, "name": found.name}
        inputs = {key: _instead(asked.get(key), engine(value)) for key, value in read.items()}
        inputs["spec"] = _instead(asked.get("spec"), PropertyValue(held))
        kept = {key: value for key, value in request.properties.items() if key in OUTPUTS[kind]}
        return rpc.ReadResponse(request.resource_id, {**inputs, **kept, **outputs_of(found.outputs)}, inputs)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """Bring an object to what it is to be."""
        kind = kind_name(request.type)
        kept = {key: value for key, value in request.olds.items() if key in OUTPUTS[kind]}
        if request.preview:
            return rpc.UpdateResponse({**request.news, **kept})
        new = inputs_of(kind, request.news)
        made = KINDS[kind].update(open_store(new.site), request.resource_id, new)
        return rpc.UpdateResponse({**request.news, **kept, **outputs_of(made.outputs)})

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Remove an object."""
        kind = kind_name(request.type)
        old = inputs_of(kind, request.properties)
        KINDS[kind].delete(open_store(old.site), request.resource_id, old)


def _instead(given: PropertyValue | None, found: PropertyValue) -> PropertyValue:
    """Put what was found in the place of what was given, as secret as that was."""
    return given.with_value(found.value) if given else found


def outputs_of(outputs: Mapping[str, str]) -> Properties:
    """Turn a store's answers into outputs; keys' secrets are marked, so the engine encrypts and hides them."""
    return {key: PropertyValue(value, is_secret=key in SECRETS) for key, value in outputs.items()}


def _shape_faults(kind: str, new: Properties) -> list[rpc.CheckFailure]:
    faults = []
    for key in ("site", "name"):
        value = plain(new.get(key))
        if value is not UNKNOWN and not (isinstance(value, str) and value):
            faults.append(rpc.CheckFailure(key, f"TEN-400 {key} is missing"))
    spec = plain(new.get("spec", PropertyValue({})))
    if spec is UNKNOWN:
        return faults
    if not isinstance(spec, Mapping):
        return [*faults, rpc.CheckFailure("spec", "TEN-400 spec isn't a mapping")]
    known = set(DEFAULTS[kind]) | REQUIRED[kind]
    faults += [rpc.CheckFailure(f"spec.{key}", f"TEN-400 a {kind} has no {key}") for key in sorted(set(spec) - known)]
    missing = sorted(REQUIRED[kind] - set(spec))
    return faults + [rpc.CheckFailure(f"spec.{key}", f"TEN-400 a {kind} needs {key}") for key in missing]


def _known(kind: str, inputs: Inputs) -> Inputs:
    """Give inputs with defaults in the place of what isn't known yet, so that the rest can be checked."""
    spec = {key: DEFAULTS[kind].get(key) if has_unknown(value) else value for key, value in inputs.spec.items()}
    return Inputs(inputs.site, inputs.tenant, inputs.name, spec)


def _owner_faults(inputs: Inputs) -> list[rpc.CheckFailure]:
    tags = inputs.spec.get("tags")
    owner = tags.get(TENANT_LABEL, inputs.tenant) if isinstance(tags, Mapping) else inputs.tenant
    if owner in (inputs.tenant, UNKNOWN):
        return []
    return [rpc.CheckFailure("spec.tags", f"TEN-400 the tag {TENANT_LABEL} is {owner}, the tenant {inputs.tenant}")]


def _capability_faults(kind: str, inputs: Inputs) -> list[rpc.CheckFailure]:
    try:
        can = ensure_recorded(open_store(inputs.site), _issuer(kind, inputs))
    except UnreachableError as error:
        return [rpc.CheckFailure("site", str(error))]
    asked = {key: value for key, value in inputs.spec.items() if value is not UNKNOWN}
    # Whether a store trusts an issuer can't be said before it is known which.
    open_question = {"sts.webIdentity"} if has_unknown(dict(inputs.spec)) else set()
    needed = needed_capabilities(kind, asked)
    lacking = {need: path for need, path in needed.items() if need not in can | open_question}
    what = "TEN-403 the store of site {} can't do this: it lacks {}. Fix: don't ask for it, or choose another site."
    return [rpc.CheckFailure(path, what.format(inputs.site, need)) for need, path in sorted(lacking.items())]


def _issuer(kind: str, inputs: Inputs) -> Issuer | None:
    """Give the issuer that an object is about, if that is known yet: web identity is tried with it."""
    if kind == "Role":
        url = trusted_issuer(inputs.spec["trust"])
        return Issuer(url) if url else None
    if kind != "OidcProvider" or has_unknown([inputs.spec["url"], inputs.spec["thumbprints"]]):
        return None
    return Issuer(inputs.spec["url"], tuple(inputs.spec["thumbprints"]))


def _completed(kind: str, new: Properties) -> Properties:
    """Fill in defaults beside the given values, which keep their secrecy; the tenant's own tag is implied."""
    spec = new.get("spec", PropertyValue({}))
    if not isinstance(spec.value, Mapping):
        return new
    values = {key: engine(value) for key, value in DEFAULTS[kind].items()} | dict(spec.value)
    tags = values.get("tags")
    if tags and isinstance(tags.value, Mapping):
        values["tags"] = tags.with_value({key: value for key, value in tags.value.items() if key != TENANT_LABEL})
    tenant = new.get("tenant", PropertyValue(""))
    return {**new, "tenant": tenant, "spec": spec.with_value(values)}


def schema() -> dict[str, Any]:
    """Describe the package in Pulumi's schema language; specs are described in `spec`."""
    text, anything = {"type": "string"}, {"$ref": "pulumi.json#/Any"}
    inputs = {**dict.fromkeys(INPUTS, text), "spec": anything}
    resources = {
        f"{PACKAGE}:index:{kind}": {
            "inputProperties": inputs,
            "requiredInputs": ["site", "name", "spec"],
            "properties": {**inputs, **{key: {**text, "secret": key in SECRETS} for key in OUTPUTS[kind]}},
        }
        for kind in KINDS
    }
    return {"name": PACKAGE, "version": __version__, "resources": resources}
