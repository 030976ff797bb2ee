"""A tenant's life on real sites: planned, made, left alone, changed, renamed, retired."""

from typing import Any

from operators import Operator, asked_for, keys_of, living, request
from sites import Sandbox


def test_a_plan_says_what_an_apply_makes_and_changes_nothing(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request()
    operator.ask(wanted)
    before = sandbox.snapshot()
    planned = operator.run("plan", ".")
    assert planned.returncode == 0, planned.stderr
    assert sandbox.snapshot() == before
    operator.apply()
    made = {name for site in living(sandbox, [wanted["spec"]["id"]]).values() for name in site}
    for key in made:
        assert f"+ {key.replace('//', '/')}\n" in planned.stdout
    assert "no changes" in operator.run("plan", ".").stdout


def test_an_apply_makes_all_that_was_rendered_and_then_nothing(sandbox: Sandbox, operator: Operator) -> None:
    wanted = [request(name=f"portal-{site}", site=site) for site in sandbox.sites]
    operator.ask(*wanted)
    ids = [one["spec"]["id"] for one in wanted]
    assert {one["action"] for one in operator.apply().values()} == {"created"}
    assert living(sandbox, ids) == asked_for(operator.planned(), sandbox.sites)
    before = sandbox.snapshot()
    again = operator.run("apply", ".")
    assert "2 tenants as asked; nothing was changed." in again.stdout
    assert sandbox.snapshot() == before
    assert operator.status() == dict.fromkeys(ids, "as asked")


def test_tenants_as_asked_need_no_engine(operator: Operator) -> None:
    operator.ask(request())
    operator.apply()
    untouched = {path: path.stat().st_mtime_ns for path in operator.state.rglob("*") if path.is_file()}
    operator.apply()
    assert {path: path.stat().st_mtime_ns for path in operator.state.rglob("*") if path.is_file()} == untouched


def test_another_engineer_with_the_same_state_sees_the_same(operator: Operator) -> None:
    """The record lies at the site: whoever comes next starts no update for what is done."""
    operator.ask(request())
    operator.apply()
    assert {one["action"] for one in operator.apply(TENANTRY_STATE=str(operator.state) + "-other").values()} == {
        "unchanged"
    }


def test_a_tenant_grows_in_place(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request(environment="dev", size="small")
    operator.ask(wanted)
    operator.apply()
    before = objects(sandbox, wanted)
    wanted["spec"] |= {"environment": "prod", "size": "large"}
    operator.ask(wanted)
    assert operator.status() == {wanted["spec"]["id"]: "request changed"}
    plan = operator.run("plan", ".").stdout
    assert "~ ResourceQuota/" in plan
    assert "+ " not in plan
    assert "- " not in plan
    assert {one["action"] for one in operator.apply().values()} == {"changed"}
    after = objects(sandbox, wanted)
    assert uids(after) == uids(before)
    quota = f"ResourceQuota/{wanted['spec']['id']}-main/tenantry-quota"
    assert after[quota]["spec"]["hard"] != before[quota]["spec"]["hard"]


def test_a_tenant_gains_and_loses_a_namespace_and_a_bucket(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request()
    tenant = wanted["spec"]["id"]
    operator.ask(wanted)
    operator.apply()
    before = objects(sandbox, wanted)
    more = {"namespaces": [{"name": "main"}, {"name": "batch"}], "buckets": [{"name": "documents"}, {"name": "images"}]}
    changed = {**wanted, "spec": {**wanted["spec"], **more}}
    operator.ask(changed)
    operator.apply()
    assert living(sandbox, [tenant]) == asked_for(operator.planned(), sandbox.sites)
    after = objects(sandbox, wanted)
    assert {f"Namespace//{tenant}-batch", f"Bucket/{tenant}-images"} <= after.keys()
    assert f"Namespace//{tenant}-jobs" not in after
    stayed = {key: uid for key, uid in uids(before).items() if key in after}
    assert stayed == {key: uid for key, uid in uids(after).items() if key in before}
    operator.ask(wanted)
    operator.apply()
    assert living(sandbox, [tenant]) == asked_for(operator.planned(), sandbox.sites)
    assert f"Bucket/{tenant}-images" not in objects(sandbox, wanted)


def test_a_new_name_keeps_the_id_and_every_object(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request(name="first-name")
    operator.ask(wanted)
    operator.apply()
    before = objects(sandbox, wanted)
    wanted["metadata"]["name"] = "second-name"
    operator.ask(wanted)
    assert {one["name"] for one in operator.apply().values()} == {"second-name"}
    after = objects(sandbox, wanted)
    assert uids(after) == uids(before)
    named = [one for key, one in after.items() if key.startswith("Namespace/")]
    assert {one["metadata"]["annotations"]["tenantry.dev/name"] for one in named} == {"second-name"}


def test_a_retired_tenant_leaves_nothing(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request()
    operator.ask(wanted)
    operator.apply()
    assert operator.run("retire", "portal", "--yes").returncode == 0
    assert living(sandbox, [wanted["spec"]["id"]]) == {site: set() for site in sandbox.sites}
    assert operator.status() == {wanted["spec"]["id"]: "retired"}
    assert not list(operator.checkpoints.glob("*.json"))
    assert operator.run("retire", "portal", "--yes").returncode == 0


def test_nothing_is_retired_without_a_yes(sandbox: Sandbox, operator: Operator) -> None:
    operator.ask(request())
    operator.apply()
    before = sandbox.snapshot()
    with operator.start("retire", "portal") as asking:
        _, said = asking.communicate("n\n", timeout=60)
    assert asking.returncode == 2
    assert "Delete portal" in said
    assert sandbox.snapshot() == before


def test_a_bucket_with_data_is_never_lost_by_the_way(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request(buckets=[{"name": "documents", "retentionDays": 3}])
    tenant = wanted["spec"]["id"]
    operator.ask(wanted)
    operator.apply()
    store = sandbox.client("onprem", "s3")
    store.put_object(Bucket=f"{tenant}-documents", Key="kept", Body=b"kept")
    before = living(sandbox, [tenant])
    without = {**wanted, "spec": {**wanted["spec"], "buckets": [], "serviceAccounts": []}}
    for words, code in ((("apply", "."), "TEN-406"), (("retire", "portal", "--yes"), "TEN-548")):
        operator.ask(without if words[0] == "apply" else wanted)
        refused = operator.run(*words)
        assert refused.returncode == 3
        assert code in refused.stderr
        assert f"{tenant}-documents" in refused.stderr
        assert living(sandbox, [tenant]) == before


def test_a_denied_request_changes_nothing(sandbox: Sandbox, operator: Operator) -> None:
    operator.ask(request(), request(name="too-much", quota={"memory": "9Ti"}))
    before = sandbox.snapshot()
    done = operator.run("apply", ".")
    assert done.returncode == 2
    assert "TEN-104" in done.stderr
    assert sandbox.snapshot() == before


def test_a_tenant_that_lives_elsewhere_isnt_made_twice(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request(site="onprem")
    operator.ask(wanted)
    operator.apply()
    before = sandbox.snapshot()
    operator.ask({**wanted, "spec": {**wanted["spec"], "placement": {"site": "hosted"}}})
    done = operator.run("apply", ".")
    assert done.returncode == 3
    assert "TEN-508" in done.stderr
    assert "onprem" in done.stderr
    assert sandbox.snapshot() == before


def test_a_workload_reaches_its_bucket_and_no_other_with_the_key_in_its_secret(
    sandbox: Sandbox, operator: Operator
) -> None:
    mine, other = request(), request(name="other")
    operator.ask(mine, other)
    operator.apply()
    client = sandbox.client("onprem", "s3", keys_of(sandbox, mine))
    client.put_object(Bucket=f"{mine['spec']['id']}-documents", Key="own", Body=b"own")
    assert client.get_object(Bucket=f"{mine['spec']['id']}-documents", Key="own")["Body"].read() == b"own"
    refused = None
    try:
        client.put_object(Bucket=f"{other['spec']['id']}-documents", Key="foreign", Body=b"")
    except client.exceptions.ClientError as error:
        refused = error.response["Error"]["Code"]
    assert refused == "AccessDenied"


def test_a_word_that_names_no_tenant_is_said(operator: Operator) -> None:
    operator.ask(request())
    done = operator.run("apply", "portall")
    assert done.returncode == 2
    assert "TEN-521 portall" in done.stderr


def objects(sandbox: Sandbox, wanted: dict[str, Any]) -> dict[str, Any]:
    """Give a tenant's live objects on the first site."""
    tenant = wanted["spec"]["id"]
    everything = sandbox.snapshot()[sandbox.sites[0]]
    return {key: everything[key] for key in living(sandbox, [tenant])[sandbox.sites[0]]}


def uids(found: dict[str, Any]) -> dict[str, str]:
    """Give what stays the same while an object is the same one: its uid, or a bucket's day of creation."""
    return {key: one["metadata"]["uid"] if isinstance(one, dict) else one for key, one in found.items()}
