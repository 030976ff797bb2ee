"""An inventory's site is described by what its hosts are and by what it offers, and tenants can be placed on it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from test_inventory import good, write

from tenantry.cli.hosts_shown import write_site
from tenantry.connection import read_connection
from tenantry.contract.load import load_documents
from tenantry.contract.reading.schema import DERIVED, STORE
from tenantry.hosts.administrator import ensure_keys
from tenantry.hosts.pki.operators import administrator_file
from tenantry.hosts.reading import read_inventory
from tenantry.paths import site_dir
from tenantry.problems import InputError
from tenantry.toolchain.table import kubernetes_minor

EXAMPLE = Path(__file__).parents[2] / "stacks" / "example" / "sites" / "onprem.yaml"


def offers(left_out: tuple[str, ...]) -> dict[str, Any]:
    """Give the example site's spec without some properties."""
    spec: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["spec"]
    for path in left_out:
        *above, name = path.split(".")
        del (spec[above[0]] if above else spec)[name]
    return spec


def inventory_with(offered: dict[str, Any]) -> dict[str, Any]:
    document = good()
    document["spec"]["offers"] = offered
    return document


def test_the_document_is_a_site_s(tmp_path: Path) -> None:
    offered = offers((*DERIVED, *STORE))
    file = tmp_path / "sites" / "onprem.yaml"
    file.parent.mkdir()
    write_site(read_inventory(write(tmp_path, inventory_with(offered))), file)
    site = load_documents([file]).sites["onprem"].spec
    assert (site.location.value, site.kubernetes_minor) == ("onPremises", kubernetes_minor())
    assert site.network.cluster_cidrs == ("10.128.0.0/14", "10.96.0.0/16")
    assert (site.network.object_store_cidrs, site.network.object_store_port) == (("10.20.0.5/32",), 8443)


def test_a_store_and_a_connection_of_the_hosts_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TENANTRY_STATE", str(tmp_path / "state"))
    offered = offers((*DERIVED, *STORE))
    del offered["objectStore"]
    document = inventory_with(offered)
    document["spec"]["settings"]["objectstore"] = {"objectstore_region": "north"}
    inventory, file = read_inventory(write(tmp_path, document)), tmp_path / "site.yaml"
    write_site(inventory, file)
    store = load_documents([file]).sites["onprem"].spec.object_store
    assert store is not None
    assert (store.endpoint, store.region) == ("https://10.20.0.5:8443", "north")
    # Nothing was made of the cluster yet, so nobody can be told a way to it.
    assert "How it is reached" not in capsys.readouterr().err

    kept = site_dir("onprem")
    ensure_keys(kept, "", "onprem")
    administrator_file(kept).write_text("{}")
    write_site(inventory, file)
    connection = read_connection("onprem")
    assert connection.kubernetes.kubeconfig == administrator_file(kept)
    assert connection.object_store.endpoint == "https://10.20.0.5:8443"
    assert connection.object_store.iam_endpoint == "https://10.20.0.5:8444"
    assert connection.object_store.credentials_file.is_file()


def test_what_stands_before_the_object_store_is_taken_from_the_offers(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    write_site(read_inventory(write(tmp_path, inventory_with(offers(DERIVED)))), file)
    assert load_documents([file]).sites["onprem"].spec.network.object_store_cidrs == ("192.0.2.16/28",)


def test_without_offers_nothing_is_written(tmp_path: Path) -> None:
    write_site(read_inventory(write(tmp_path, good())), tmp_path / "site.yaml")
    assert not (tmp_path / "site.yaml").exists()


@pytest.mark.parametrize("name", DERIVED)
def test_what_hosts_say_isn_t_offered(name: str, tmp_path: Path) -> None:
    offered = offers(tuple(one for one in DERIVED if one != name))
    with pytest.raises(InputError, match=rf"TEN-120 there is no property {name.rpartition('.')[2]} in offers"):
        read_inventory(write(tmp_path, inventory_with(offered)))


@pytest.mark.parametrize("name", ["title", "capacity", "network.dns"])
def test_what_a_site_needs_is_asked_of_its_offers(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"TEN-121 offers.* has no {name.rpartition('.')[2]}"):
        read_inventory(write(tmp_path, inventory_with(offers((*DERIVED, *STORE, name)))))


def test_an_offer_without_an_object_store_is_refused(tmp_path: Path) -> None:
    document = inventory_with(offers((*DERIVED, *STORE)))
    document["spec"]["hosts"].pop()
    with pytest.raises(InputError, match=r"TEN-714 offers\.network: no host is the object store"):
        read_inventory(write(tmp_path, document))
