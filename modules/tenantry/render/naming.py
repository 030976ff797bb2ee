"""The names, labels and annotations of a tenant's objects: made here and nowhere else.

Every name that is unique in a site or a store starts with the tenant's id, which has a fixed length and never changes;
so no two tenants can ever share one, and a tenant that is renamed keeps its objects.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tenantry.contract.model import Grant, ServiceAccount, Tenant, join_name
from tenantry.render.manifest import STORE_API, Manifest

DOMAIN = "tenantry.dev"
TENANT_LABEL = f"{DOMAIN}/tenant"
DEPARTMENT_LABEL = f"{DOMAIN}/department"
CLASSIFICATION_LABEL = f"{DOMAIN}/classification"
MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGER = "tenantry"
BASELINE_NOTE = f"{DOMAIN}/baseline"
HOSTS_NOTE = f"{DOMAIN}/hosts"
ENCRYPTED_NOTE = f"{DOMAIN}/encrypted-by"
LOGGED_NOTE = f"{DOMAIN}/access-log"
REASON_NOTE = f"{DOMAIN}/reason"
FILLED_BY = f"{DOMAIN}/filled-by"
"""Marks what is completed from the object store when it is applied: a Secret by a key, a ConfigMap by roles."""

_LONGEST_IDENTITY = 64
"""Source: IAM, names of users and roles."""
_LONGEST_KEY = 128
_TAG_BYTES = 2048
"""The most that tags take together: some stores have little room (versitygw on ext4: 4 KB for all of a bucket's
settings)."""
_TAGGED = tuple(
    f"{DOMAIN}/{name}"
    for name in ("cost-centre", "owner", "budget", "lease-ends", "security-contact", "finance-contact")
)
_NO_TAG = re.compile(r"[^\w .:/=+@-]")


def namespace_name(tenant: Tenant, namespace: str) -> str:
    """Give the Kubernetes name of one of the tenant's namespaces."""
    return join_name(tenant.id, namespace)


def bucket_name(tenant_id: str, bucket: str) -> str:
    """Give the name by which the object store knows one of a tenant's buckets."""
    return join_name(tenant_id, bucket)


def identity_name(tenant: Tenant, account: ServiceAccount) -> str:
    """Give the IAM name (user or role) of a service account; at most 64 characters."""
    return f"{tenant.id}.{account.namespace}.{account.name}"


def pipeline_identity_name(tenant: Tenant) -> str:
    """Give the IAM name of a tenant's pipeline. No account's and no grant's has an `@` there."""
    return f"{tenant.id}@ci"


def grant_identity_name(grant: Grant) -> str:
    """Give the IAM name (user or role) by which an outside party comes to a dataset; at most 64 characters.

    A service account's has a namespace between two dots, so that it is never a grant's. A long grant's name is cut,
    and what tells it apart stands after `@`, which no name of a grant has; Ceph takes no `_` in a role's.
    """
    name = f"{grant.spec.provider}.{grant.name}"
    if len(name) <= _LONGEST_IDENTITY:
        return name
    mark = sha256(grant.name.encode()).hexdigest()[:12]
    return f"{name[: _LONGEST_IDENTITY - len(mark) - 1]}@{mark}"


def grant_reason(grant: Grant) -> str:
    """Say why something is open that a grant opens: its name, by which the agreement is found, and its purpose."""
    return f"Grant {grant.name}: {grant.spec.purpose}"


def cost_centre_label(tenant: Tenant) -> str:
    """Give the cost centre as a label's value (or a store's tag) can have it; its annotation has it as it is written.

    Source: Kubernetes label syntax: letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit.
    """
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", tenant.spec.cost_centre).strip("-_.")


def labels(tenant: Tenant) -> dict[str, str]:
    """Give the labels that every object of a tenant carries; the request's own can't override them."""
    spec = tenant.spec
    return {
        **dict(sorted(tenant.metadata.labels.items())),
        MANAGED_BY_LABEL: MANAGER,
        TENANT_LABEL: tenant.id,
        DEPARTMENT_LABEL: spec.department,
        f"{DOMAIN}/environment": spec.environment.value,
        CLASSIFICATION_LABEL: spec.classification.value,
        f"{DOMAIN}/template": spec.template.value,
        f"{DOMAIN}/cost-centre": cost_centre_label(tenant),
    }


def annotations(tenant: Tenant) -> dict[str, str]:
    """Give the annotations that every object of a tenant carries: its name, who answers and pays, and when it ends."""
    contacts, budget = tenant.spec.contacts, tenant.spec.budget
    found = {
        f"{DOMAIN}/name": tenant.name,
        BASELINE_NOTE: tenant.spec.baseline,
        f"{DOMAIN}/owner": contacts.owner,
        f"{DOMAIN}/technical-contacts": " ".join(contacts.technical),
        f"{DOMAIN}/security-contact": contacts.security,
        f"{DOMAIN}/finance-contact": contacts.finance,
        f"{DOMAIN}/cost-centre": tenant.spec.cost_centre,
        # Whoever applies the object, its fields belong to tenantry: pulumi-kubernetes would make up a manager's name.
        "pulumi.com/patchFieldManager": MANAGER,
        # And what somebody else took over is taken back, in a preview too, instead of failing with a conflict.
        "pulumi.com/patchForce": "true",
    }
    if budget:
        found[f"{DOMAIN}/budget"] = f"{budget.monthly} {budget.currency} a month"
    if tenant.spec.lease:
        found[f"{DOMAIN}/lease-ends"] = tenant.spec.lease.ends.isoformat()
    return found


def bucket_tags(tenant: Tenant, extra: Mapping[str, str]) -> dict[str, str]:
    """Give the tags of a tenant's buckets: its labels, its baseline, who answers and pays, and when it ends.

    Tags are all that tells of a bucket in a store, and in a Pulumi program: what policies ask of the document's labels
    and annotations is among them; `extra` are the document's own annotations. The tenant's own tag isn't among them:
    the provider adds it to each. A tag holds less than an annotation, so each
    technical contact has its own, and `_` stands for what no tag may hold. What doesn't fit, of the request's own
    labels first, is left out; namespaces have it.
    Source: S3 bucket tagging: at most 50 tags, keys of 128 and values of 256 characters.
    """
    own, notes = labels(tenant), annotations(tenant) | dict(extra)
    wanted = {key: own[key] for key in own if key != TENANT_LABEL and key not in tenant.metadata.labels}
    for key in (BASELINE_NOTE, ENCRYPTED_NOTE, LOGGED_NOTE, *_TAGGED):
        if key in notes:
            wanted[key] = notes[key]
    for number, contact in enumerate(tenant.spec.contacts.technical, start=1):
        wanted[f"{DOMAIN}/technical-contact-{number}"] = contact
    found: dict[str, str] = {}
    room = _TAG_BYTES
    for key, value in (wanted | dict(sorted(tenant.metadata.labels.items()))).items():
        clean = _NO_TAG.sub("_", value)
        size = len(f"{key}{clean}".encode())
        if len(key) <= _LONGEST_KEY and size <= room:
            found[key] = clean
            room -= size
    return found


def document(
    tenant: Tenant,
    api_version: str,
    kind: str,
    name: str,
    content: Mapping[str, Any] | None = None,
    *,
    namespace: str = "",
    notes: Mapping[str, str] | None = None,
    extra_labels: Mapping[str, str] | None = None,
) -> Manifest:
    """Make one object of a tenant with its standard metadata; `notes` are further annotations."""
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    metadata["labels"] = labels(tenant) | dict(extra_labels or {})
    metadata["annotations"] = annotations(tenant) | dict(notes or {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **(content or {})}


def store_document(
    tenant: Tenant, kind: str, name: str, spec: Mapping[str, Any], notes: Mapping[str, str] | None = None
) -> Manifest:
    """Make one object-store document of a tenant with its standard metadata; `notes` are more annotations."""
    return document(tenant, STORE_API, kind, name, {"spec": dict(spec)}, notes=notes)
