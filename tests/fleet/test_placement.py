"""A tenant that names no site stays where it lives, whoever comes; why it is there is told, and why not elsewhere."""

import json
from typing import Any

import pytest
import yaml

from operators import Operator, request

Request = dict[str, Any]


def anywhere(name: str, **spec: Any) -> Request:  # noqa: ANN401
    """A small tenant that names no site."""
    asked = request(name=name, namespaces=[{"name": "main"}], quota={"pods": 60}, **spec)
    del asked["spec"]["placement"]
    return asked


def change_site(operator: Operator, site: str, **spec: Any) -> None:  # noqa: ANN401
    file = operator.government / "sites" / f"{site}.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    document["spec"] |= spec
    file.write_text(yaml.safe_dump(document), encoding="utf-8")


@pytest.fixture
def small(operator: Operator) -> Operator:
    """An engineer whose first site has room for one of the tenants."""
    change_site(operator, "onprem", capacity={"cpu": "100", "memory": "1Ti", "storage": "9Ti", "pods": 100})
    return operator


def homes(operator: Operator, *words: str) -> dict[str, str]:
    done = operator.run("status", ".", *words, "--format", "json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one["site"] for one in json.loads(done.stdout)}


def test_a_newcomer_moves_nobody(small: Operator) -> None:
    old = anywhere("old")
    small.ask(old)
    small.apply()
    assert homes(small) == {"old": "onprem"}
    # By its id, the newcomer comes first.
    newcomer = anywhere("new", id=f"t-0000{old['spec']['id'][-4:]}")
    small.ask(newcomer)
    outcomes = small.apply()
    assert {one["name"]: one["action"] for one in outcomes.values()} == {"old": "unchanged", "new": "created"}
    assert homes(small) == {"old": "onprem", "new": "hosted"}
    shown = small.run("status", ".", "--placement").stdout
    assert f"old ({old['spec']['id']}) is placed on onprem: it lives there\n  not hosted: " in shown
    assert f"new ({newcomer['spec']['id']}) is placed on hosted: it lives there\n" in shown
    assert "  not onprem: has 40 pods left of 100, and 60 is asked for\n" in shown
    found = json.loads(small.run("status", "new", "--placement", "--format", "json").stdout)
    assert [(one["site"], one["others"]["onprem"]) for one in found] == [
        ("hosted", "has 40 pods left of 100, and 60 is asked for")
    ]
    assert small.run("retire", "new", "--yes").returncode == 0
    assert homes(small, "--placement") == {"old": "onprem", "new": "hosted"}


def test_a_tenant_stays_where_it_lives_though_another_site_would_come_first(operator: Operator) -> None:
    asked = anywhere("stays")
    operator.ask(asked)
    operator.apply()
    # From now on the other site is the one of its department's region.
    change_site(operator, "hosted", region="north")
    change_site(operator, "onprem", title="Elsewhere", sector="other")
    assert homes(operator, "--placement") == {"stays": "hosted"}, "by the documents alone"
    assert operator.apply()[asked["spec"]["id"]]["action"] == "unchanged"
    assert homes(operator) == {"stays": "onprem"}
    change_site(operator, "onprem", classifications=["restricted"])
    done = operator.run("apply", ".")
    assert (done.returncode, "TEN-145" in done.stderr) == (2, True)
    assert "lives on onprem, which can't hold it any more: onprem may not hold open data" in done.stderr


def test_a_site_that_is_named_and_full_is_refused_with_what_is_left(small: Operator) -> None:
    one, two = (request(name=name, quota={"pods": 60}) for name in ("one", "two"))
    small.ask(one, two)
    done = small.run("plan", ".")
    assert (done.returncode, done.stderr.count("TEN-144")) == (2, 1)
    assert "site onprem has 40 pods left of 100, and 60 is asked for" in done.stderr
