"""What would weaken the protection of data that is held is refused unless those agree who answer for it, once."""

import json
from typing import Any

import pytest

from operators import Operator, living, request
from sites import Sandbox

Request = dict[str, Any]
OWNER = {"by": "o@gov.example", "role": "owner", "on": "2026-08-01", "reference": "CHG-1"}
SECURITY = {"by": "s@gov.example", "role": "security", "on": "2026-08-01", "reference": "CHG-1"}


def held(classification: str, **spec: Any) -> Request:  # noqa: ANN401
    """A small tenant of a class, with a bucket."""
    usual = {"namespaces": [{"name": "main"}], "approvals": [OWNER, SECURITY]}
    return request(name="register", classification=classification, **{**usual, **spec})


def asking(asked: Request, **spec: Any) -> Request:  # noqa: ANN401
    return {**asked, "spec": {**asked["spec"], **spec}}


def agreed(changes: list[str], *approvals: dict[str, str], reference: str = "CHG-7") -> dict[str, Any]:
    """What a request says of a weakening that was agreed to."""
    reason = "Published by law."
    return {"changes": changes, "reason": reason, "approvals": [{**one, "reference": reference} for one in approvals]}


def told(operator: Operator, asked: Request) -> list[dict[str, str]]:
    """Give the problems of an apply that has to be denied."""
    found = operator.apply(code=1)[asked["spec"]["id"]]
    assert found["action"] == "denied"
    problems: list[dict[str, str]] = found["problems"]
    return problems


def codes(problems: list[dict[str, str]]) -> list[str]:
    return [one["code"] for one in problems]


def forget(sandbox: Sandbox, asked: Request, *keys: str) -> None:
    """Take keys out of a tenant's record, as an older version would have written it; all of it without any key."""
    where = ("-n", "tenantry-system")
    tenant = asked["spec"]["id"]
    if not keys:
        assert sandbox.kubectl("onprem", *where, "delete", "configmap", tenant).returncode == 0
        return
    patch = json.dumps({"data": dict.fromkeys(keys)})
    done = sandbox.kubectl("onprem", *where, "patch", "configmap", tenant, "--type=merge", "-p", patch)
    assert done.returncode == 0, done.stderr


def test_a_lower_class_says_all_that_it_would_undo_and_changes_nothing(sandbox: Sandbox, operator: Operator) -> None:
    asked, other = held("restricted"), request(name="other")
    operator.ask(asked)
    assert operator.apply()[asked["spec"]["id"]]["action"] == "created"
    before = sandbox.snapshot()
    operator.ask(asking(asked, classification="open"))
    plan = operator.run("plan", ".")
    assert plan.returncode == 1
    for code in ("TEN-560", "TEN-561", "TEN-563"):
        assert code in plan.stderr
    for undone in ("nodes of its own", "no route from outside", "encryption ownKey", "sites on premises alone"):
        assert undone in plan.stderr
    assert sandbox.snapshot() == before
    operator.ask(other)
    found = operator.apply(code=1)
    assert found[other["spec"]["id"]]["action"] == "created", "others go on"
    problems = found[asked["spec"]["id"]]["problems"]
    assert codes(problems) == ["TEN-560", "TEN-561", "TEN-563"]
    assert "nobody agreed to it" in problems[0]["message"]
    changes = ("classification=open", "buckets.documents.retentionDays=0", "buckets.documents.lock=false")
    for change, problem in zip(changes, problems, strict=True):
        assert f"name {change} in weakening.changes, approved there anew as owner and security" in problem["fix"]
    tenant = [asked["spec"]["id"]]
    assert {key for site in living(sandbox, tenant).values() for key in site} <= set(before["onprem"])


def test_a_lower_class_needs_the_capacities_of_the_class_that_it_leaves(operator: Operator) -> None:
    asked = held("restricted")
    operator.ask(asked)
    operator.apply()
    changes = ["classification=open", "buckets.documents.retentionDays=0", "buckets.documents.lock=false"]
    both = {**SECURITY, "by": OWNER["by"]}
    for weakening, why in (
        (agreed(changes, OWNER), "nobody agreed to it as security"),
        (agreed(changes, OWNER, both), "o@gov.example agreed to it in two capacities"),
        (agreed(changes[:2], OWNER, SECURITY), "bucket documents locks objects, and would no longer; nobody agreed"),
    ):
        operator.ask(asking(asked, classification="open", weakening=weakening))
        assert any(why in one["message"] for one in told(operator, asked)), why
    operator.ask(asking(asked, classification="open", weakening=agreed(changes, OWNER, SECURITY)))
    assert operator.apply()[asked["spec"]["id"]]["action"] == "changed"
    assert operator.apply()[asked["spec"]["id"]]["action"] == "unchanged"


def test_an_approval_holds_for_one_apply(operator: Operator) -> None:
    asked = held("shared")
    buckets = [{"name": "documents", "retentionDays": 400}]
    tenant = asked["spec"]["id"]
    # One that stands in the request before there is anything to weaken agrees to nothing that comes later.
    operator.ask(asking(asked, buckets=buckets, weakening=agreed(["buckets.documents.lock=false"], OWNER)))
    operator.apply()
    operator.ask(
        asking(asked, buckets=buckets, classification="open", weakening=agreed(["classification=open"], OWNER))
    )
    assert codes(told(operator, asked)) == ["TEN-560"]
    anew = {"classification": "open", "weakening": agreed(["classification=open"], OWNER, reference="CHG-8")}
    operator.ask(asking(asked, buckets=buckets, **anew))
    assert operator.apply()[tenant]["action"] == "changed"
    operator.ask(asking(asked, buckets=buckets))
    assert operator.apply()[tenant]["action"] == "changed", "more protection is always fine"
    operator.ask(asking(asked, buckets=buckets, **anew))
    (problem,) = told(operator, asked)
    assert "CHG-8 was in the request at an earlier apply" in problem["message"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"retentionDays": 90}, {"retentionDays": 89}, ["TEN-561"]),
        ({}, {"publish": True}, ["TEN-562"]),
        ({"retentionDays": 1, "lock": True}, {"retentionDays": 1}, ["TEN-563"]),
        ({"publish": True, "retentionDays": 1}, {"retentionDays": 2}, []),
    ],
    ids=["shorter", "published", "unlocked", "stronger"],
)
def test_a_bucket_keeps_its_protection(
    sandbox: Sandbox, operator: Operator, before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    asked = held("open", buckets=[{"name": "documents", **before}])
    operator.ask(asked)
    operator.apply()
    operator.ask(asking(asked, buckets=[{"name": "documents", **after}]))
    if not expected:
        assert operator.apply()[asked["spec"]["id"]]["action"] == "changed"
        return
    stands = sandbox.snapshot()
    assert codes(told(operator, asked)) == expected
    assert sandbox.snapshot() == stands
    # A new bucket may be anything: it holds nothing.
    operator.ask(asking(asked, buckets=[{"name": "documents", **before}, {"name": "others", **after}]))
    assert operator.apply()[asked["spec"]["id"]]["action"] == "changed"


@pytest.mark.parametrize("lost", [("protection",), ("protection", "buckets"), ()], ids=["older", "broken", "no record"])
def test_what_no_record_tells_is_found_out_and_never_passes(
    sandbox: Sandbox, operator: Operator, lost: tuple[str, ...]
) -> None:
    asked = held("restricted")
    tenant = asked["spec"]["id"]
    operator.ask(asked)
    operator.apply()
    store = sandbox.client("onprem", "s3")
    store.put_object(Bucket=f"{tenant}-documents", Key="kept", Body=b"kept")
    forget(sandbox, asked, *lost)
    before = sandbox.snapshot()
    operator.ask(asking(asked, classification="open"))
    assert codes(told(operator, asked)) == ["TEN-560", "TEN-561", "TEN-563"]
    assert sandbox.snapshot() == before
    operator.ask(asked)
    assert operator.apply()[tenant]["action"] in ("unchanged", "changed")


def test_a_change_of_a_tenant_that_was_never_finished_is_held_by_what_lives(
    sandbox: Sandbox, operator: Operator
) -> None:
    """Without namespaces and record, a bucket with objects still tells the class; one without holds up nobody."""
    asked = held("open", buckets=[{"name": "documents"}, {"name": "empty", "lock": True, "retentionDays": 1}])
    tenant = asked["spec"]["id"]
    operator.ask(asked)
    operator.apply()
    store = sandbox.client("onprem", "s3")
    store.put_object(Bucket=f"{tenant}-documents", Key="kept", Body=b"kept")
    forget(sandbox, asked)
    published = [{"name": "documents", "publish": True}, {"name": "empty"}]
    operator.ask(asking(asked, buckets=published))
    assert codes(told(operator, asked)) == ["TEN-562"]
    store.delete_object(Bucket=f"{tenant}-documents", Key="kept")
    for version in store.list_object_versions(Bucket=f"{tenant}-documents").get("Versions", []):
        store.delete_object(Bucket=f"{tenant}-documents", Key="kept", VersionId=version["VersionId"])
    assert operator.apply()[tenant]["action"] == "changed"


def test_a_site_that_is_now_of_another_region_is_told_though_no_object_shows_it(operator: Operator) -> None:
    asked = held("open")
    operator.ask(asked)
    operator.apply()
    site = operator.government / "sites" / "onprem.yaml"
    site.write_text(site.read_text(encoding="utf-8").replace("region: north", "region: west"), encoding="utf-8")
    assert codes(told(operator, asked)) == ["TEN-565"]
    operator.ask(asking(asked, weakening=agreed(["region=west"], OWNER)))
    assert operator.apply()[asked["spec"]["id"]]["action"] == "changed"
    assert operator.apply()[asked["spec"]["id"]]["action"] == "unchanged"


def test_a_tenant_that_may_live_on_a_site_which_cannot_be_asked_is_not_made_twice(
    sandbox: Sandbox, operator: Operator
) -> None:
    asked, new = held("open"), request(name="new", site="hosted")
    operator.ask(asked)
    operator.apply()
    # Without its connection, the site where it lives can't be asked.
    (operator.connections / "onprem.json").unlink()
    operator.ask(asking(asked, placement={"site": "hosted"}), new)
    before = living(sandbox, [asked["spec"]["id"]])
    plan = operator.run("plan", ".")
    assert plan.returncode == 3
    assert "may live on onprem, which can't be asked" in plan.stderr, plan.stderr
    found = operator.apply(code=3)
    assert found[new["spec"]["id"]]["action"] == "created"
    assert codes(found[asked["spec"]["id"]]["problems"]) == ["TEN-566"]
    assert living(sandbox, [asked["spec"]["id"]]) == before


def test_sync_weakens_nothing_either(operator: Operator) -> None:
    asked = held("shared")
    operator.ask(asked)
    operator.apply()
    operator.ask(asking(asked, classification="open"))
    done = operator.run("sync", ".", "--new-keys", "--format", "json")
    (found,) = json.loads(done.stdout)
    assert (done.returncode, found["action"]) == (1, "denied")
    assert codes(found["problems"]) == ["TEN-560", "TEN-561"]


def test_a_weakening_that_says_other_than_the_request_is_wrong(sandbox: Sandbox, operator: Operator) -> None:
    before = sandbox.snapshot()
    changes = ["classification=open", "buckets.documents.lock=false", "buckets.none.publish=true"]
    operator.ask(held("restricted", weakening=agreed(changes, OWNER)))
    done = operator.run("apply", ".")
    assert (done.returncode, done.stderr.count("TEN-169")) == (2, 3)
    assert sandbox.snapshot() == before
