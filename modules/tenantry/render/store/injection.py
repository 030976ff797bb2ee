"""How pods come to their store by themselves: a site's API server adds the token or key, and what SDKs look for.

A namespace has one ConfigMap that says it of each of its service accounts, and a site one policy that reads it as each
pod is made. Sources: Kubernetes MutatingAdmissionPolicy, served as v1 from 1.36 on; the AWS SDKs' reference of
environment variables.
"""

from tenantry.contract.model import Site, SiteStore, Tenant
from tenantry.contract.sharing import Sharing
from tenantry.render.access import account_secret_name
from tenantry.render.manifest import Manifest
from tenantry.render.naming import DOMAIN, FILLED_BY, TENANT_LABEL, document, identity_name, namespace_name
from tenantry.render.store.identities import STORE_AUDIENCE, list_accounts

FIRST_MINOR = 36
"""The first Kubernetes 1.x whose API servers have the policy; with an older one each pod has to write it itself."""
MUTATING_KIND = "MutatingAdmissionPolicy"
MUTATING_BINDING_KIND = "MutatingAdmissionPolicyBinding"
STORE_CONFIG = "tenantry-store"
ROLE_KEY = "role."
CREDENTIALS_KEY = "credentials"
"""The entry of a key's Secret that SDKs read as a shared credentials file."""
_SECRET_KEY = "secret."  # noqa: S105
_ENDPOINT, _STS, _REGION, _AUTHORITY = "endpoint", "stsEndpoint", "region", "ca.crt"
_FOLDER = f"/var/run/secrets/{DOMAIN}/store"
_TOKEN_SECONDS = 3600


def render_store_config(tenant: Tenant, site: Site, sharing: Sharing) -> list[Manifest]:
    """Make the ConfigMap of each namespace whose service accounts use data, where the site says its store's address.

    The ARNs of roles are the store's to give: they are filled in when the tenant is applied.
    """
    store, made = site.spec.object_store, list[Manifest]()
    if store is None:
        return made
    for request in tenant.spec.namespaces:
        accounts = [one for one, _ in list_accounts(tenant, sharing) if one.namespace == request.name]
        if not accounts:
            continue
        data, notes = _address(store), {}
        if site.federates:
            notes[FILLED_BY] = " ".join(f"Role/{identity_name(tenant, one)}" for one in accounts)
        else:
            data |= {f"{_SECRET_KEY}{one.name}": account_secret_name(one) for one in accounts}
        namespace = namespace_name(tenant, request.name)
        made.append(document(tenant, "v1", "ConfigMap", STORE_CONFIG, {"data": data}, namespace=namespace, notes=notes))
    return made


def _address(store: SiteStore) -> dict[str, str]:
    said = {
        _ENDPOINT: store.endpoint,
        _STS: store.sts_endpoint,
        _REGION: store.region,
        _AUTHORITY: store.certificate_authority,
    }
    return {key: value for key, value in said.items() if value is not None}


def render_injection() -> list[Manifest]:
    """Make the policy that a site's API server changes tenants' pods by, and its binding.

    What a pod sets itself, in its environment or at that path, stays; one that has a volume of that name is left alone.
    """
    metadata = {"name": STORE_CONFIG}
    api, group = "admissionregistration.k8s.io/v1", {"apiVersion": "v1", "kind": "ConfigMap"}
    policy = {
        "paramKind": group,
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]
        },
        "matchConditions": [
            {"name": "uses-data", "expression": f"{_has(ROLE_KEY)} || {_has(_SECRET_KEY)}"},
            {
                "name": "not-by-itself",
                "expression": f"!object.spec.?volumes.orValue([]).exists(v, v.name == '{STORE_CONFIG}')",
            },
        ],
        "variables": [
            {"name": "federates", "expression": _has(ROLE_KEY)},
            {"name": "environment", "expression": _environment()},
        ],
        # Lists that an apply takes as a whole, such as a volume's sources, only a JSON patch can add.
        "mutations": [
            {"patchType": "JSONPatch", "jsonPatch": {"expression": _volume()}},
            {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": _environments()}},
        ],
    }
    binding = {
        "policyName": STORE_CONFIG,
        "paramRef": {"name": STORE_CONFIG, "parameterNotFoundAction": "Allow"},
        "matchResources": {"namespaceSelector": {"matchExpressions": [{"key": TENANT_LABEL, "operator": "Exists"}]}},
    }
    return [
        {"apiVersion": api, "kind": MUTATING_KIND, "metadata": dict(metadata), "spec": policy},
        {"apiVersion": api, "kind": MUTATING_BINDING_KIND, "metadata": dict(metadata), "spec": binding},
    ]


def _has(kind: str) -> str:
    return f"('{kind}' + object.spec.?serviceAccountName.orValue('default')) in params.?data.orValue({{}})"


def _of_account(kind: str) -> str:
    return f"params.data['{kind}' + object.spec.serviceAccountName]"


def _environment() -> str:
    """Give the variables that SDKs read, as an expression: a list of maps of name and value."""
    region = f"params.data['{_REGION}']"
    always = ", ".join(
        [
            _entry("AWS_ENDPOINT_URL", f"params.data['{_ENDPOINT}']"),
            _entry("AWS_REGION", region),
            # Some SDKs, boto3 among them, read this one alone.
            _entry("AWS_DEFAULT_REGION", region),
        ]
    )
    token = ", ".join(
        [_entry("AWS_ROLE_ARN", _of_account(ROLE_KEY)), _entry("AWS_WEB_IDENTITY_TOKEN_FILE", f"'{_FOLDER}/token'")]
    )
    key = _entry("AWS_SHARED_CREDENTIALS_FILE", f"'{_FOLDER}/{CREDENTIALS_KEY}'")
    return " + ".join(
        [
            f"[{always}]",
            f"(variables.federates ? [{token}] : [{key}])",
            _where(_STS, _entry("AWS_ENDPOINT_URL_STS", f"params.data['{_STS}']")),
            _where(_AUTHORITY, _entry("AWS_CA_BUNDLE", f"'{_FOLDER}/{_AUTHORITY}'")),
        ]
    )


def _entry(name: str, value: str) -> str:
    # What is a parameter's has no type until it is given one, and a map has values of one type.
    return f"{{'name': '{name}', 'value': string({value})}}"


def _where(key: str, entry: str) -> str:
    return f"('{key}' in params.data ? [{entry}] : [])"


def _volume() -> str:
    volume = f"Object.spec.volumes{{name: '{STORE_CONFIG}', projected: Object.spec.volumes.projected{{{_sources()}}}}}"
    first = f"JSONPatch{{op: 'add', path: '/spec/volumes', value: [{volume}]}}"
    further = f"JSONPatch{{op: 'add', path: '/spec/volumes/-', value: {volume}}}"
    return f"[size(object.spec.?volumes.orValue([])) == 0 ? {first} : {further}]"


def _sources() -> str:
    kind = "Object.spec.volumes.projected.sources"
    token = (
        f"{kind}{{serviceAccountToken: {kind}.serviceAccountToken{{audience: '{STORE_AUDIENCE}', "
        f"expirationSeconds: {_TOKEN_SECONDS}, path: 'token'}}}}"
    )
    key = _projected(kind, "secret", _of_account(_SECRET_KEY), CREDENTIALS_KEY)
    authority = _projected(kind, "configMap", f"'{STORE_CONFIG}'", _AUTHORITY)
    return f"sources: [variables.federates ? {token} : {key}] + {_where(_AUTHORITY, authority)}"


def _projected(kind: str, source: str, name: str, key: str) -> str:
    item = f"{kind}.{source}.items{{key: '{key}', path: '{key}'}}"
    return f"{kind}{{{source}: {kind}.{source}{{name: {name}, items: [{item}]}}}}"


def _environments() -> str:
    fields = ", ".join(f"{field}: {_containers(field)}" for field in ("containers", "initContainers"))
    return f"Object{{spec: Object.spec{{{fields}}}}}"


def _containers(field: str) -> str:
    kind = f"Object.spec.{field}"
    mount = f"{kind}.volumeMounts{{name: '{STORE_CONFIG}', mountPath: '{_FOLDER}', readOnly: true}}"
    environment = (
        f"variables.environment.filter(e, !c.?env.orValue([]).exists(o, o.name == e.name))"
        f".map(e, {kind}.env{{name: e.name, value: e.value}})"
    )
    mounts = f"c.?volumeMounts.orValue([]).exists(m, m.mountPath == '{_FOLDER}') ? [] : [{mount}]"
    content = f"name: c.name, env: {environment}, volumeMounts: {mounts}"
    return f"object.spec.?{field}.orValue([]).map(c, {kind}{{{content}}})"
