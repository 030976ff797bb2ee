"""`tenantry status --reach` on a real site: who reaches a tenant, and why, whoever opened it."""

import json
from typing import Any

import pytest
import yaml

from operators import Operator, request
from sites import Sandbox

PORT = {"port": 8443, "protocol": "TCP"}


@pytest.fixture
def applied(operator: Operator) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Apply a register, a portal that both sides let in, and a news site that asks alone."""
    register, portal, news = (
        request(name=name, namespaces=[{"name": "main"}]) for name in ("register", "portal", "news")
    )
    register["spec"]["intents"] = [intent("from", portal, "Answers about persons.")]
    portal["spec"]["intents"] = [intent("to", register, "Looks persons up.")]
    news["spec"]["intents"] = [intent("to", register, "Looks persons up, too.")]
    operator.ask(register, portal, news)
    operator.apply()
    return register, portal, news


def intent(direction: str, peer: dict[str, Any], reason: str) -> dict[str, Any]:
    return {"direction": direction, "tenant": peer["spec"]["id"], "reason": reason, **PORT}


def reach(operator: Operator, *names: str) -> list[dict[str, Any]]:
    done = operator.run("status", *names, "--reach", "--format", "json")
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def between(found: list[dict[str, Any]], tenant: str) -> list[tuple[str, str, Any, Any]]:
    """What is open between a tenant and others: direction, peer, ports, reasons."""
    return [
        (one["direction"], one["peer"]["tenant"], one["ports"], one["why"])
        for one in found
        if one["tenant"] == tenant and one["peer"].get("tenant", tenant) != tenant
    ]


def test_both_sides_are_told_with_their_reasons_and_one_side_alone_opens_nothing(
    operator: Operator, applied: tuple[dict[str, Any], ...]
) -> None:
    here, portal, news = (one["spec"]["id"] for one in applied)
    found = reach(operator, ".")
    ports = [{"protocol": "TCP", "first": 8443, "last": 8443}]
    assert between(found, here) == [("from", portal, ports, ["Answers about persons.", "Looks persons up."])]
    assert between(found, portal) == [("to", here, ports, ["Looks persons up.", "Answers about persons."])]
    assert between(found, news) == []
    shown = operator.run("status", "register", "news", "--reach")
    assert f"portal ({portal})" in shown.stdout
    assert "TCP 8443" in shown.stdout
    assert f"TEN-158 register ({here}) declares no intent from {news} on TCP 8443" in shown.stderr
    assert "portal" not in shown.stderr


def test_what_somebody_else_opened_is_told_by_its_name(
    sandbox: Sandbox, operator: Operator, applied: tuple[dict[str, Any], ...]
) -> None:
    here, _, news = (one["spec"]["id"] for one in applied)
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "let-all-in", "namespace": f"{here}-main"},
        "spec": {"podSelector": {}, "ingress": [{}]},
    }
    made = sandbox.kubectl("onprem", "apply", "-f", "-", stdin=yaml.safe_dump(policy))
    assert made.returncode == 0, made.stderr
    found = reach(operator, "register")
    ports = [{"protocol": "TCP", "first": 8443, "last": 8443}]
    why = [f"policy let-all-in in {here}-main", "Looks persons up, too."]
    assert ("from", news, ports, why) in between(found, here)
    assert [one["why"] for one in found if one["peer"] == {"addresses": "anywhere"}] == [why[:1]]


def test_a_tenant_that_is_not_there_is_told(operator: Operator) -> None:
    wanted = request()
    operator.ask(wanted)
    done = operator.run("status", ".", "--reach")
    assert done.returncode == 0
    assert wanted["spec"]["id"] in done.stdout
    assert "nothing of it lives at onprem" in done.stdout


def test_a_site_that_is_not_there_is_told(operator: Operator) -> None:
    operator.ask(request(site="onprem"))
    for file in operator.connections.glob("onprem*"):
        file.unlink()
    done = operator.run("status", ".", "--reach")
    assert done.returncode == 3
    assert "TEN-50" in done.stderr
