"""Has a site's store take tokens instead of keys: those of its own cluster, and of the CI systems that it lists."""

import base64
from collections.abc import Iterable
from pathlib import Path

from tenantry.connection import Connection, read_connection
from tenantry.contract.documents import Documents
from tenantry.contract.load import judge, load_baseline
from tenantry.contract.model import Grant, Site, today
from tenantry.contract.sharing import find_sharing, for_party
from tenantry.fleet.site.kubeconfig import read_context
from tenantry.objectstore.issuers import Issuer, Trusted, trust_issuers
from tenantry.objectstore.store import open_store
from tenantry.problems import InputError, UnreachableError, problem
from tenantry.render.store.identities import STORE_AUDIENCE


def federate(site: Site, sharing: Iterable[Grant]) -> list[Trusted]:
    """Have a site's store trust the issuers of its document, and those of outside parties, for tokens that are for it.

    Args:
        site: The site.
        sharing: The grants in force of data that lies there.

    Raises:
        InputError: By its document, its store takes no tokens (TEN-523).
        UnreachableError: The store or an issuer can't be asked (TEN-415, TEN-500).
    """
    if not site.federates:
        what = f"by its document, the store of site {site.name} takes no tokens"
        fix = "write sts.webIdentity into its capabilities, where it was found to have that, and the cluster's issuer"
        raise InputError(problem("TEN-523", what, fix))
    own = Issuer(str(site.spec.issuer), STORE_AUDIENCE, _read_authorities(read_connection(site.name)))
    pipelines = [Issuer(one.issuer, STORE_AUDIENCE, one.certificate_authority) for one in site.spec.pipelines]
    known = [grant.spec.consumer.identity for grant in sharing if for_party(grant)]
    parties = [Issuer(one.issuer, one.audience) for one in known if one is not None]
    return trust_issuers(open_store(site.name), [own, *pipelines, *parties])


def find_given(site: Site, documents: Documents) -> list[Grant]:
    """Give the grants in force today whose data lies on a site. Raises InputError for documents that break a rule."""
    judgement = judge(documents, load_baseline(), assume_departments=False)
    if judgement.problems:
        raise InputError(judgement.problems)
    here = [tenant for tenant in judgement.tenants if tenant.spec.placement.site == site.name]
    return [grant for tenant in here for grant in find_sharing(tenant, documents.grants.values(), today()).given]


def _read_authorities(connection: Connection) -> str | None:
    """Give what vouches for a site's own addresses: the cluster may publish its keys itself, or in the store."""
    cluster, ca_file = read_context(connection).cluster, connection.object_store.ca_file
    inline, file = cluster.get("certificate-authority-data"), cluster.get("certificate-authority")
    found = [base64.b64decode(inline).decode()] if inline else []
    try:
        found += [Path(path).read_text(encoding="ascii") for path in (file, ca_file) if path]
    except (OSError, UnicodeDecodeError) as error:
        what = f"what vouches for site {connection.site} can't be read: {error}"
        raise UnreachableError(problem("TEN-415", what, "mend caFile of its connection, or its kubeconfig")) from error
    return "\n".join(found) or None
