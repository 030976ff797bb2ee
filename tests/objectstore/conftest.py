"""A real store for each module of tests: versitygw, and Ceph RGW where `make test-rgw` asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from store_calls import Calls
from store_parties import BUCKET, Given
from store_servers import Store, ceph_rgw, versitygw

from granting import GIVER
from issuers import Issuer, issuer
from pulumi_stacks import Stacks
from tenantry.connection import write_connection
from tenantry.objectstore.identities import end_identities
from tenantry.objectstore.plugin.server import serve_in_thread
from tenantry.objectstore.store import Store as Client
from tenantry.objectstore.store import open_store
from tenantry.toolchain import binary

SITE = "here"


@pytest.fixture(scope="module", params=["versitygw", pytest.param("rgw", marks=pytest.mark.rgw)])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    directory = tmp_path_factory.mktemp("store")
    running = versitygw(binary("versitygw"), directory, SITE) if request.param == "versitygw" else None
    with pytest.MonkeyPatch.context() as patch, running or ceph_rgw(directory, SITE) as started:
        patch.setenv("TENANTRY_CONNECTIONS", str(tmp_path_factory.mktemp("connections")))
        write_connection(started.connection)
        yield started


@pytest.fixture
def client(store: Store) -> Client:
    """The administrator's clients, to look at a store and to change it behind the provider's back."""
    return open_store(store.site)


@pytest.fixture
def calls(store: Store) -> Iterator[Calls]:
    """The provider, called as an engine calls it."""
    served = serve_in_thread()
    with Calls(served.port) as called:
        yield called
    served.stop()


@pytest.fixture
def stacks(store: Store, tmp_path: Path) -> Stacks:
    """Stacks of the real engine, with their state in files."""
    return Stacks(tmp_path)


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    """An issuer of tokens, which a store that federates can be told to trust."""
    with issuer(tmp_path_factory.mktemp("tokens")) as running:
        yield running


@pytest.fixture
def given(store: Store, client: Client, calls: Calls, tokens: Issuer) -> Iterator[Given]:
    """A dataset that is granted to an outside party; nobody has a way to it afterwards, and its bucket no policy."""
    yield Given(store, client, calls, tokens)
    client.s3.delete_bucket_policy(Bucket=BUCKET)
    end_identities(client, GIVER)
