"""The identities of outside parties: they have no tenant here, so the provider of a dataset has them, one a grant."""

from tenantry.contract.model import Grant, Site, Tenant
from tenantry.contract.sharing import Sharing, Way, find_way, for_party
from tenantry.render.manifest import Manifest
from tenantry.render.naming import (
    FILLED_BY,
    REASON_NOTE,
    bucket_name,
    document,
    grant_identity_name,
    grant_reason,
    namespace_name,
)
from tenantry.render.store.identities import make_role, make_user
from tenantry.render.store.statements import Data, write_trust


def render_parties(tenant: Tenant, site: Site, sharing: Sharing) -> list[Manifest]:
    """Make an identity for each grant of a dataset to an outside party: it may use that, and nothing else."""
    made: list[Manifest] = []
    for grant in filter(for_party, sharing.given):
        data, name, identity = _data(grant), grant_identity_name(grant), grant.spec.consumer.identity
        match find_way(grant, site):
            case Way.ROLE if identity is not None:
                trust = write_trust(identity.issuer, identity.subject, identity.audience)
                made.append(make_role(tenant, name, trust, data))
            case Way.USER:
                made.extend(make_user(tenant, name, data))
    return made


def render_party_secrets(tenant: Tenant, site: Site, sharing: Sharing) -> list[Manifest]:
    """Make the Secret with a party's key, which the provider hands over; its data is filled in when applied.

    It is in the tenant's first namespace: people have the same rights in all of them, and pods' own accounts may read
    no Secret.
    """
    return [
        document(
            tenant,
            "v1",
            "Secret",
            # No service account's Secret has a dot in its name.
            f"grant.{grant.name}",
            {"type": "Opaque"},
            namespace=namespace_name(tenant, tenant.spec.namespaces[0].name),
            notes={FILLED_BY: f"AccessKey/{grant_identity_name(grant)}", REASON_NOTE: grant_reason(grant)},
        )
        for grant in filter(for_party, sharing.given)
        if find_way(grant, site) is Way.USER
    ]


def _data(grant: Grant) -> list[Data]:
    dataset = grant.spec.dataset
    assert dataset is not None
    return [Data(bucket_name(grant.spec.provider, dataset.bucket), dataset.prefix, dataset.access)]
