"""Each tenant's own credentials: of its people, its workload and its pipeline."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore import UNSIGNED
from botocore.config import Config

from isolation.world import LICENSED, PROVIDER, World, audience, kubectl
from operators import keys_in, keys_of
from tenantry.fleet.site.kubeconfig import read_context
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site.certs import ensure_certificate
from tenantry.sandbox.site.settings import name_pki

PEOPLE = ("admin", "developer")
WORKLOAD, CI = "workload", "ci"
PARTY = "acme-analytics"
"""An outside party: it has a key to what one tenant granted it, and no tenant."""
ACCOUNT = "app"
NOBODY = "nobody"
"""Who has no credential at all."""


@dataclass(frozen=True)
class Identity:
    """One credential: `tenant` is empty for nobody's and a party's.

    `token` and `certificate` are how it comes to an API server, `keys` how to a store.
    """

    tenant: str
    role: str
    token: str = ""
    certificate: tuple[Path, Path] | None = None
    keys: tuple[str, str] | None = None

    @property
    def name(self) -> str:
        """Say whose it is."""
        return f"{self.tenant}.{self.role}" if self.tenant else self.role


def list_identities(world: World, folder: Path) -> list[Identity]:
    """Have every credential made by who makes it: the directory, the API server, the store, the CI system."""
    made = [Identity("", NOBODY)]
    for name in world.requests:
        made += _people(world, name, folder)
        made.append(_workload(world, name))
        made.append(_pipeline(world, name))
    key = keys_in(world.sandbox, world.requests[PROVIDER], f"grant.{LICENSED}", world.site_of(PROVIDER))
    return [*made, Identity("", PARTY, keys=key)]


def _people(world: World, name: str, folder: Path) -> Iterator[Identity]:
    site = world.sandbox.layout(world.site_of(name))
    authority = name_pki(Layout(world.sandbox.state), site).client_ca
    for role in PEOPLE:
        person = f"{name}-{role}"
        pair = ensure_certificate(authority, folder, person, person, groups=(f"{name}-{role}s",))
        yield Identity(name, role, certificate=(pair.certificate, pair.key))


def _workload(world: World, name: str) -> Identity:
    site, request = world.site_of(name), world.requests[name]
    token = kubectl(world, site, "-n", f"{world.id_of(name)}-main", "create", "token", ACCOUNT, "--duration=1h").strip()
    return Identity(name, WORKLOAD, token=token, keys=keys_of(world.sandbox, request, site))


def _pipeline(world: World, name: str) -> Identity:
    ci = world.requests[name]["spec"]["ci"]
    claims = {"project_path": ci["repository"], "ref": ci["branch"], "ref_type": "branch"}
    subject = f"project_path:{ci['repository']}:ref_type:branch:ref:{ci['branch']}"
    token = world.pipelines.token(subject, audience(world.site_of(name)), exp=4_000_000_000, **claims)
    return Identity(name, CI, token=token)


def open_pool(world: World, identity: Identity, site: str) -> tuple[urllib3.PoolManager, str, dict[str, str]]:
    """Give connections to a site's API server that show a credential, its address, and the headers of each request."""
    server = read_context(world.sandbox.connection(site)).cluster["server"]
    context = ssl.create_default_context(cafile=str(Layout(world.sandbox.state).ca))
    if identity.certificate:
        context.load_cert_chain(*identity.certificate)
    headers = {"Authorization": f"Bearer {identity.token}"} if identity.token else {}
    pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=30, maxsize=4, block=True)
    return pool, server, headers


def open_store(world: World, identity: Identity, site: str, service: str) -> Any:  # noqa: ANN401  (boto3 makes its clients at run time)
    """Give a client of a site's store that has a credential's keys, or none."""
    store = world.sandbox.connection(site).object_store
    endpoint = {"s3": store.endpoint, "iam": store.iam_endpoint, "sts": store.sts_endpoint or store.iam_endpoint}
    config = Config(
        signature_version=("s3v4" if service == "s3" else "v4") if identity.keys else UNSIGNED,
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 1},
        proxies={},
        request_checksum_calculation="when_required",
        max_pool_connections=4,
    )
    session = boto3.session.Session(*(identity.keys or (None, None)), region_name=store.region)
    return session.client(service, endpoint_url=endpoint[service], verify=str(store.ca_file), config=config)  # type: ignore[call-overload]
