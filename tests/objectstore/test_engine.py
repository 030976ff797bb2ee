"""Objects through the real engine: up, nothing to do, update, drift, preview, import, destroy."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from pulumi import automation as auto
from store_calls import TENANT
from store_servers import Store
from store_specs import access, full_bucket, tls_only

from pulumi_stacks import Stacks
from tenantry.objectstore import resources
from tenantry.objectstore.kinds.bucket_parts import tag_map
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store as Client

Document = dict[str, Any]


def document(kind: str, name: str, spec: Mapping[str, Any]) -> Document:
    metadata = {"name": name, "labels": {"tenantry.dev/tenant": TENANT}}
    return {"apiVersion": "tenantry.dev/v1", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def identities(store: Store, name: str) -> list[Document]:
    if store.kind == "versitygw":
        user = document("User", name, {"policies": {"buckets": access(name, "s3:GetObject")}, "tags": {"a": "b"}})
        return [user, document("AccessKey", name, {"user": name, "generation": 1})]
    condition = {"StringEquals": {"127.0.0.1:1:sub": "system:serviceaccount:a:b"}}
    allow = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    trust = {**allow, "Principal": {"Federated": "arn:aws:iam:::oidc-provider/127.0.0.1:1"}}
    spec = {
        "trust": {"Version": "2012-10-17", "Statement": [trust]},
        "policies": {"buckets": access(name, "s3:GetObject")},
    }
    return [document("Role", name, spec)]


class Desired:
    """A program that registers whatever documents it holds at the moment; keys wait for their user."""

    def __init__(self, *documents: Document) -> None:
        self.documents = list(documents)

    def __call__(self) -> None:
        made: dict[str, pulumi.Resource] = {}
        for each in self.documents:
            needed = [made[user] for user in [each["spec"].get("user")] if user in made]
            resource = resources.register(each, "here", pulumi.ResourceOptions(depends_on=needed))
            if each["kind"] == "User":
                made[each["metadata"]["name"]] = resource


def changes(summary: Json) -> dict[str, int]:
    return {key: count for key, count in (summary or {}).items() if key != "same"}


def test_a_tenants_objects_live_their_whole_life(store: Store, stacks: Stacks, client: Client) -> None:
    wanted = Desired(document("Bucket", "life", full_bucket(store.kind, "life")), *identities(store, "life"))
    stack = stacks.stack("life", wanted)
    made = stack.up()
    assert made.summary.resource_changes == {"create": len(wanted.documents) + 1}
    assert client.s3.get_bucket_versioning(Bucket="life")["Status"] == "Enabled"
    assert tag_map(client.s3.get_bucket_tagging(Bucket="life")["TagSet"])["tenantry.dev/tenant"] == TENANT  # type: ignore[arg-type]
    assert changes(stack.up().summary.resource_changes) == {}
    assert changes(stack.refresh().summary.resource_changes) == {}
    assert changes(stack.up().summary.resource_changes) == {}
    bucket = wanted.documents[0]["spec"]
    bucket["tags"] = {"cost-centre": "4712"}
    bucket["cors"] = []
    bucket["policy"] = None
    assert changes(stack.up().summary.resource_changes) == {"update": 1}
    assert tag_map(client.s3.get_bucket_tagging(Bucket="life")["TagSet"])["cost-centre"] == "4712"  # type: ignore[arg-type]
    for gone, call in {
        "NoSuchCORSConfiguration": client.s3.get_bucket_cors,
        "NoSuchBucketPolicy": client.s3.get_bucket_policy,
    }.items():
        with pytest.raises(client.s3.exceptions.ClientError, match=gone):
            call(Bucket="life")
    stack.destroy()
    assert "life" not in [bucket.get("Name") for bucket in client.s3.list_buckets()["Buckets"]]


def test_drift_is_seen_by_a_refresh_and_mended(store: Store, stacks: Stacks, client: Client) -> None:
    stack = stacks.stack("drift", Desired(document("Bucket", "drift", full_bucket(store.kind, "drift"))))
    stack.up()
    client.s3.delete_bucket_policy(Bucket="drift")
    client.s3.put_bucket_versioning(Bucket="drift", VersioningConfiguration={"Status": "Suspended"})
    assert changes(stack.refresh().summary.resource_changes) == {"update": 1}
    assert changes(stack.up().summary.resource_changes) == {"update": 1}
    assert "SecureTransport" in client.s3.get_bucket_policy(Bucket="drift")["Policy"]
    client.s3.delete_bucket(Bucket="drift")
    assert changes(stack.up(refresh=True).summary.resource_changes) == {"create": 1}
    stack.destroy()


def test_a_preview_copes_with_what_is_not_known_yet_and_changes_nothing(
    store: Store, stacks: Stacks, client: Client
) -> None:
    def program() -> None:
        first = resources.Bucket("first", site="here", tenant=TENANT, name="unknown-1", spec={})

        def spec(arn: str) -> dict[str, Any]:
            return {"tags": {"beside": arn.rpartition(":")[2]}, "versions": True}

        resources.Bucket("second", site="here", tenant=TENANT, name="unknown-2", spec=first.arn.apply(spec))
        tags = {"first": first.arn}
        resources.Bucket("third", site="here", tenant=TENANT, name="unknown-3", spec={"tags": tags})
        pulumi.export("arn", first.arn)

    stack = stacks.stack("preview", program)
    assert stack.preview().change_summary == {"create": 4}
    assert not [b for b in client.s3.list_buckets()["Buckets"] if b.get("Name", "").startswith("unknown")]
    made = stack.up()
    assert made.outputs["arn"].value == "arn:aws:s3:::unknown-1"
    assert tag_map(client.s3.get_bucket_tagging(Bucket="unknown-2")["TagSet"])["beside"] == "unknown-1"  # type: ignore[arg-type]
    assert changes(stack.preview().change_summary) == {}
    stack.destroy()


def test_what_the_store_lacks_fails_at_the_plan_by_name(store: Store, stacks: Stacks, client: Client) -> None:
    wanted = Desired(document("Bucket", "plan", {"encryption": {"algorithm": "AES256"}}))
    with pytest.raises(auto.CommandError, match=r"TEN-403.*bucket\.encryption"):
        stacks.stack("plan", wanted).preview()
    assert "plan" not in [bucket.get("Name") for bucket in client.s3.list_buckets()["Buckets"]]


def test_a_bucket_made_by_hand_is_imported(store: Store, stacks: Stacks, client: Client) -> None:
    client.s3.create_bucket(Bucket="by-hand")
    client.s3.put_object(Bucket="by-hand", Key="a", Body=b"a")
    client.s3.put_bucket_tagging(
        Bucket="by-hand", Tagging={"TagSet": [{"Key": "tenantry.dev/tenant", "Value": TENANT}]}
    )

    def program() -> None:
        options = pulumi.ResourceOptions(import_="here/by-hand")
        resources.Bucket("b", site="here", tenant=TENANT, name="by-hand", spec={}, opts=options)

    stack = stacks.stack("import", program)
    assert changes(stack.up().summary.resource_changes) == {"create": 1, "import": 1}
    assert client.s3.list_objects_v2(Bucket="by-hand")["KeyCount"] == 1
    with pytest.raises(auto.CommandError, match="TEN-405"):
        stack.destroy()
    named = stacks.stack("import", program, TENANTRY_DELETE_BUCKETS="here/by-hand")
    named.destroy()
    assert "by-hand" not in [bucket.get("Name") for bucket in client.s3.list_buckets()["Buckets"]]


def test_a_bucket_of_nobody_is_imported_and_then_given_to_its_tenant(
    store: Store, stacks: Stacks, client: Client
) -> None:
    client.s3.create_bucket(Bucket="of-nobody")
    client.s3.put_object(Bucket="of-nobody", Key="a", Body=b"a")
    tenant = {"tenant": ""}

    def program() -> None:
        options = pulumi.ResourceOptions(import_=None if tenant["tenant"] else "here/of-nobody")
        resources.Bucket("b", site="here", name="of-nobody", spec={}, opts=options, **tenant)

    stack = stacks.stack("nobody", program, TENANTRY_DELETE_BUCKETS="here/of-nobody")
    assert changes(stack.up().summary.resource_changes) == {"create": 1, "import": 1}
    tenant["tenant"] = TENANT
    assert changes(stack.up().summary.resource_changes) == {"update": 1}
    assert tag_map(client.s3.get_bucket_tagging(Bucket="of-nobody")["TagSet"]) == {"tenantry.dev/tenant": TENANT}  # type: ignore[arg-type]
    assert client.s3.list_objects_v2(Bucket="of-nobody")["KeyCount"] == 1
    stack.destroy()


def test_a_bucket_that_fails_half_way_is_finished_by_the_next_run(store: Store, stacks: Stacks, client: Client) -> None:
    wanted = Desired(
        document("Bucket", "half-way", {"policy": {"Version": "2012-10-17", "Statement": [{"Effect": "Perhaps"}]}})
    )
    stack = stacks.stack("half", wanted)
    with pytest.raises(auto.CommandError, match="set policy of bucket half-way"):
        stack.up()
    wanted.documents[0]["spec"]["policy"] = tls_only("half-way")
    assert changes(stack.up().summary.resource_changes) == {"update": 1}
    assert "SecureTransport" in client.s3.get_bucket_policy(Bucket="half-way")["Policy"]
    stack.destroy()


def test_no_secret_is_in_state_output_or_events(store: Store, stacks: Stacks, client: Client) -> None:
    wanted = Desired(document("Bucket", "quiet", {}), *identities(store, "quiet"))
    events: list[Any] = []
    stack = stacks.stack("quiet", wanted)
    result = stack.up(on_event=events.append, on_output=events.append, debug=True)
    told = [str(vars(event)) if hasattr(event, "__dict__") else str(event) for event in events]
    seen = "\n".join([result.stdout, result.stderr, *told])
    state = "".join(path.read_text() for path in (stacks.directory / "state").rglob("*.json*"))
    secrets = [store.secret]
    if store.kind == "versitygw":
        secrets += [secret_of(stack)]
        assert "accessKeyId" in state
        assert '"ciphertext"' in state
    for secret in secrets:
        assert secret
        assert secret not in seen
        assert secret not in state
    assert store.settings.endpoint not in state
    stack.destroy()


def secret_of(stack: auto.Stack) -> str:
    """Read the key's secret as only somebody with the passphrase can."""
    environment = dict(stack.workspace.env_vars)
    from subprocess import run

    from tenantry.toolchain import binary

    command = [str(binary("pulumi")), "stack", "export", "--show-secrets", "--stack", "quiet"]
    done = run(command, cwd=stack.workspace.work_dir, env=environment, capture_output=True, text=True, check=True)
    exported = json.loads(done.stdout)["deployment"]["resources"]
    found = next(r["outputs"]["secretAccessKey"] for r in exported if r["type"].endswith(":AccessKey"))
    return str(json.loads(found["plaintext"]) if isinstance(found, dict) else found)
