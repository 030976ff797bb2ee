"""Hosts by name, on a site that has Cilium's kind of policy: made, seen, mended and gone like any other object.

Its API server has the kind, and no node a plugin that would enforce it.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from operators import Operator, request
from sites import Sandbox

NAME = "ciliumnetworkpolicies.cilium.io"
OPEN_SCHEMA = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
KIND = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": NAME},
    "spec": {
        "group": "cilium.io",
        "scope": "Namespaced",
        "names": {"kind": "CiliumNetworkPolicy", "plural": "ciliumnetworkpolicies", "shortNames": ["cnp"]},
        "versions": [
            {
                "name": "v2",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": OPEN_SCHEMA}}},
            }
        ],
    },
}
HOST = {"host": "api.payments.example", "port": 443, "reason": "Pays fees."}


@pytest.fixture
def cilium(sandbox: Sandbox, operator: Operator) -> Iterator[None]:
    """Let the site have the kind, and its document say so."""
    made = sandbox.kubectl("onprem", "apply", "-f", "-", stdin=yaml.safe_dump(KIND))
    assert made.returncode == 0, made.stderr
    sandbox.kubectl("onprem", "wait", "--for=condition=Established", f"crd/{NAME}", "--timeout=30s")
    file = operator.government / "sites" / "onprem.yaml"
    site = yaml.safe_load(file.read_text(encoding="utf-8"))
    site["spec"]["capabilities"].append("network.fqdn")
    file.write_text(yaml.safe_dump(site), encoding="utf-8")
    yield
    assert sandbox.kubectl("onprem", "delete", "crd", NAME, "--timeout=60s").returncode == 0


def live(sandbox: Sandbox, tenant: str) -> list[dict[str, Any]]:
    """Give the rules of all of a tenant's policies for hosts, of both namespaces."""
    selector = f"tenantry.dev/tenant={tenant}"
    got = sandbox.kubectl("onprem", "get", "cnp", "--all-namespaces", "-l", selector, "-o", "json")
    assert got.returncode == 0, got.stderr
    return [rule for one in json.loads(got.stdout)["items"] for rule in one["spec"]["egress"] if "toFQDNs" in rule]


@pytest.mark.usefixtures("cilium")
def test_a_host_is_opened_by_name_kept_so_and_closed_with_its_tenant(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request(egress=[HOST])
    tenant = wanted["spec"]["id"]
    operator.ask(wanted)
    assert operator.run("check", "tenants").returncode == 0
    operator.apply()
    opened = {"toFQDNs": [{"matchName": HOST["host"]}], "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}]}
    assert live(sandbox, tenant) == [opened] * len(wanted["spec"]["namespaces"])
    assert {one["action"] for one in operator.apply().values()} == {"unchanged"}
    reach = operator.run("status", ".", "--reach")
    assert f"{HOST['host']}" in reach.stdout
    assert HOST["reason"] in reach.stdout

    sandbox.kubectl("onprem", "delete", "cnp", "--all", "-n", f"{tenant}-main")
    assert {key.split("/")[2] for key in operator.differences()} == {"CiliumNetworkPolicy"}
    operator.apply()
    assert live(sandbox, tenant) == [opened] * len(wanted["spec"]["namespaces"])

    del wanted["spec"]["egress"]
    operator.ask(wanted)
    operator.apply()
    assert live(sandbox, tenant) == []
    assert operator.run("retire", ".", "--yes").returncode == 0
