"""Has a site's store take tokens instead of keys: those of its own cluster, and of the CI systems that it lists."""

import base64
from pathlib import Path

from tenantry.connection import Connection, read_connection
from tenantry.contract.model import Site
from tenantry.fleet.site.kubeconfig import read_context
from tenantry.objectstore.issuers import Issuer, Trusted, trust_issuers
from tenantry.objectstore.store import open_store
from tenantry.problems import InputError, UnreachableError, problem
from tenantry.render.store.identities import STORE_AUDIENCE


def federate(site: Site) -> list[Trusted]:
    """Have a site's store trust the issuers of its document, for tokens that are for stores.

    Raises InputError (TEN-523) where the document says that it takes none; UnreachableError (TEN-415, TEN-500) where
    the store or an issuer can't be asked.
    """
    if not site.federates:
        what = f"by its document, the store of site {site.name} takes no tokens"
        fix = "write sts.webIdentity into its capabilities, where it was found to have that, and the cluster's issuer"
        raise InputError(problem("TEN-523", what, fix))
    own = Issuer(str(site.spec.issuer), _read_authorities(read_connection(site.name)))
    pipelines = [Issuer(one.issuer, one.certificate_authority) for one in site.spec.pipelines]
    return trust_issuers(open_store(site.name), [own, *pipelines], STORE_AUDIENCE)


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
