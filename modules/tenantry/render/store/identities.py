"""The identities of workloads in the object store, each with what it may do in its tenant's buckets and in others'."""

from collections.abc import Mapping, Sequence
from typing import Any

from tenantry.contract.model import BucketGrant, ContinuousIntegration, ServiceAccount, Site, Tenant
from tenantry.contract.sharing import Sharing
from tenantry.render.access import account_secret_name
from tenantry.render.manifest import Manifest
from tenantry.render.naming import (
    FILLED_BY,
    bucket_name,
    document,
    identity_name,
    namespace_name,
    pipeline_identity_name,
    store_document,
)
from tenantry.render.pipelines import pipeline_subject
from tenantry.render.store.statements import Data, write_data_policy, write_trust

STORE_AUDIENCE = "sts.tenantry.dev"
"""The audience of the tokens that workloads show a store: one for the API server or another service is none of them."""


def render_identities(tenant: Tenant, site: Site, sharing: Sharing) -> list[Manifest]:
    """Make an identity for each service account that may use data, and for the pipeline where it may."""
    made: list[Manifest] = []
    for account, data in list_accounts(tenant, sharing):
        name = identity_name(tenant, account)
        made.extend([_role(tenant, site, account, data)] if site.federates else make_user(tenant, name, data))
    ci = tenant.spec.ci
    return [*made, _pipeline_role(tenant, site, ci)] if ci is not None and ci.buckets else made


def render_secrets(tenant: Tenant, site: Site, sharing: Sharing) -> list[Manifest]:
    """Make, where the store can't federate, the Secret of each service account; its data is filled in when applied."""
    if site.federates:
        return []
    return [
        document(
            tenant,
            "v1",
            "Secret",
            account_secret_name(account),
            {"type": "Opaque"},
            namespace=namespace_name(tenant, account.namespace),
            notes={FILLED_BY: f"AccessKey/{identity_name(tenant, account)}"},
        )
        for account, _ in list_accounts(tenant, sharing)
    ]


def list_accounts(tenant: Tenant, sharing: Sharing) -> list[tuple[ServiceAccount, list[Data]]]:
    """Give the service accounts that may use data, each with what it may use."""
    every = ((account, list_data(tenant, account, sharing)) for account in tenant.spec.service_accounts)
    return [(account, data) for account, data in every if data]


def list_data(tenant: Tenant, account: ServiceAccount, sharing: Sharing) -> list[Data]:
    """Give what a service account may use: data of its tenant, and what others share with it by grants in force."""
    shared = [
        Data(bucket_name(grant.spec.provider, dataset.bucket), dataset.prefix, dataset.access)
        for grant in sharing.taken
        if grant.name in account.grants and (dataset := grant.spec.dataset) is not None
    ]
    return _own(tenant, account.buckets) + shared


def _own(tenant: Tenant, buckets: Sequence[BucketGrant]) -> list[Data]:
    return [Data(bucket_name(tenant.id, each.bucket), each.prefix, each.access) for each in buckets]


def _role(tenant: Tenant, site: Site, account: ServiceAccount, data: Sequence[Data]) -> Manifest:
    """Trust one service account of the site's cluster, by its token, and no other."""
    subject = f"system:serviceaccount:{namespace_name(tenant, account.namespace)}:{account.name}"
    trust = write_trust(site.spec.issuer or "", subject, STORE_AUDIENCE)
    return make_role(tenant, identity_name(tenant, account), trust, data)


def _pipeline_role(tenant: Tenant, site: Site, ci: ContinuousIntegration) -> Manifest:
    trust = write_trust(ci.issuer, pipeline_subject(ci, site), STORE_AUDIENCE)
    return make_role(tenant, pipeline_identity_name(tenant), trust, _own(tenant, ci.buckets))


def make_role(tenant: Tenant, name: str, trust: Mapping[str, Any], data: Sequence[Data]) -> Manifest:
    """Make a role of a tenant's that may use data, for whom its trust names."""
    spec = {"trust": trust, "policies": {"buckets": write_data_policy(data)}, "maxSessionSeconds": 3600}
    return store_document(tenant, "Role", name, spec)


def make_user(tenant: Tenant, name: str, data: Sequence[Data]) -> list[Manifest]:
    """Make a user of a tenant's that may use data, and its key."""
    policies = {"buckets": write_data_policy(data)}
    return [
        store_document(tenant, "User", name, {"policies": policies, "tags": {}}),
        store_document(tenant, "AccessKey", name, {"user": name}),
    ]
