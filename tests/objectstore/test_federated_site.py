"""A site whose store takes tokens, from its document to a pod and a pipeline that use it, with no key anywhere."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from store_servers import Store
from store_sessions import enter

from issuers import Issuer, issuer
from operators import Operator, make_operator, request
from pods import Kubelet, create, environment, pod
from sites import Sandbox
from tenantry.connection import write_connection
from tenantry.objectstore.identities import list_identities
from tenantry.objectstore.store import Store as Client
from tenantry.render.store.identities import STORE_AUDIENCE
from tenantry.sandbox.site.servers import issuer_url

pytestmark = [pytest.mark.rgw, pytest.mark.parametrize("store", ["rgw"], indirect=True, scope="module")]
SITE, REPOSITORY, BRANCH = "onprem", "health/records", "main"
SUBJECT = f"project_path:{REPOSITORY}:ref_type:branch:ref:{BRANCH}"


@dataclass(frozen=True)
class Federated:
    """An engineer whose site has Ceph for its store, the tenant that they applied, and its CI system."""

    operator: Operator
    wanted: dict[str, Any]
    ci: Issuer

    @property
    def tenant(self) -> str:
        return str(self.wanted["spec"]["id"])

    def run(self, *words: str) -> Any:  # noqa: ANN401  (JSON)
        done = self.operator.run(*words, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def federated(sandbox: Sandbox, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federated]:
    with ExitStack() as stack:
        ci = stack.enter_context(issuer(tmp_path_factory.mktemp("ci")))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # The module's store is alone in a folder of its own; an engineer starts with the sandbox's connections.
        patch.setenv("TENANTRY_CONNECTIONS", str(sandbox.state / "connections"))
        operator = make_operator(sandbox, tmp_path_factory.mktemp("federated"))
        cluster = sandbox.connection(SITE).kubernetes
        patch.setenv("TENANTRY_CONNECTIONS", str(operator.connections))
        for connection in (store.connection, replace(store.connection, site=SITE, kubernetes=cluster)):
            write_connection(connection)
        (operator.connections / f"{SITE}.capabilities.json").unlink(missing_ok=True)
        _write_site(operator, store, issuer_url(sandbox.layout(SITE)), ci)
        bucket = {"bucket": "documents", "access": "readWrite"}
        pipeline = {
            "issuer": ci.url,
            "repository": REPOSITORY,
            "branch": BRANCH,
            "buckets": [{**bucket, "prefix": "built/"}],
        }
        wanted = request(ci=pipeline)
        found = Federated(operator, wanted, ci)
        # Nothing is known of an issuer until the site's own and the CI system's are trusted.
        done = found.run("identity", "trust", SITE)
        assert [one["action"] for one in done["issuers"]] == ["created", "created"]
        found.run("baseline", "sync", SITE)
        operator.ask(wanted)
        operator.apply()
        yield found
        operator.run("retire", ".", "--yes")
        sandbox.forget_policies(SITE)


def _write_site(operator: Operator, store: Store, cluster_issuer: str, ci: Issuer) -> None:
    file = operator.government / "sites" / f"{SITE}.yaml"
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert store.settings.ca_file is not None
    authority = store.settings.ca_file.read_text()
    spec = {
        "issuer": cluster_issuer,
        "capabilities": ["bucket.versions", "bucket.policy", "bucket.tags", "sts.webIdentity", "store.diskEncryption"],
        "objectStore": {"endpoint": store.settings.endpoint, "region": "us-east-1", "certificateAuthority": authority},
        "pipelines": [
            {
                "issuer": ci.url,
                "audience": "https://kubernetes.onprem.gov.example",
                "system": "gitlab",
                "certificateAuthority": ci.authority.read_text(),
            }
        ],
    }
    file.write_text(yaml.safe_dump({**document, "spec": {**document["spec"], **spec}}), encoding="utf-8")


def test_a_pod_uses_its_bucket_with_its_token_alone(sandbox: Sandbox, federated: Federated, tmp_path: Path) -> None:
    made = create(sandbox, SITE, pod(f"{federated.tenant}-main"))
    assert environment(made)["AWS_ROLE_ARN"].endswith(f"/{federated.tenant}.main.app")
    kubelet = Kubelet(sandbox, SITE, tmp_path)
    kubelet.project(made)
    done = kubelet.run(made, f"{federated.tenant}-documents", "one")
    assert (done.returncode, done.stdout) == (0, "from a pod\n"), done.stderr
    listed = sandbox.kubectl(SITE, "-n", f"{federated.tenant}-main", "get", "secrets", "-o", "name")
    assert listed.stdout == "", "no key lies anywhere"
    assert federated.operator.differences() == {}


def test_a_pipeline_uses_its_prefix_with_its_token_alone(client: Client, store: Store, federated: Federated) -> None:
    role = client.iam.get_role(RoleName=f"{federated.tenant}@ci")["Role"]["Arn"]
    bucket = f"{federated.tenant}-documents"
    session = enter(store, client, role, federated.ci.token(SUBJECT, STORE_AUDIENCE))
    session.put_object(Bucket=bucket, Key="built/site.tar", Body=b"built")
    assert session.get_object(Bucket=bucket, Key="built/site.tar")["Body"].read() == b"built"
    with pytest.raises(ClientError, match="AccessDenied"):
        session.put_object(Bucket=bucket, Key="other", Body=b"1")


@pytest.mark.parametrize(
    ("subject", "audience"),
    [
        (f"project_path:{REPOSITORY}:ref_type:branch:ref:other", STORE_AUDIENCE),
        (f"project_path:{REPOSITORY}:ref_type:tag:ref:{BRANCH}", STORE_AUDIENCE),
        (f"project_path:health/another:ref_type:branch:ref:{BRANCH}", STORE_AUDIENCE),
        (SUBJECT, "https://kubernetes.onprem.gov.example"),
    ],
)
def test_another_pipeline_is_refused(client: Client, federated: Federated, subject: str, audience: str) -> None:
    role = client.iam.get_role(RoleName=f"{federated.tenant}@ci")["Role"]["Arn"]
    token = federated.ci.token(subject, audience)
    with pytest.raises(ClientError):
        client.anonymous_sts().assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="job", WebIdentityToken=token
        )


def test_trust_is_kept_and_follows_an_issuers_keys(client: Client, federated: Federated, tmp_path: Path) -> None:
    done = federated.run("identity", "trust", SITE)
    assert [one["action"] for one in done["issuers"]] == ["unchanged", "unchanged"]
    # Somebody else's use of the issuer, and somebody else's issuer, stay.
    arn = next(
        one["Arn"]
        for one in client.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        if federated.ci.name in one["Arn"]
    )
    client.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    stale = {"ClientIDList": ["vault"], "ThumbprintList": ["0" * 40]}
    client.iam.create_open_id_connect_provider(Url=federated.ci.url, **stale)
    client.iam.create_open_id_connect_provider(Url="https://other.gov.example", **stale)
    done = federated.run("identity", "trust", SITE)
    assert [one["action"] for one in done["issuers"]] == ["unchanged", "changed", "left alone"]
    found = client.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert sorted(found["ClientIDList"]) == [STORE_AUDIENCE, "vault"]
    assert [one.upper() for one in found["ThumbprintList"]] == [federated.ci.thumbprint]


def test_an_issuer_that_does_not_answer_changes_nothing(client: Client, federated: Federated, tmp_path: Path) -> None:
    with issuer(tmp_path / "gone") as gone:
        copy = tmp_path / "government"
        shutil.copytree(federated.operator.government, copy)
        for file in copy.rglob("*.yaml"):
            file.write_text(file.read_text(encoding="utf-8").replace(federated.ci.url, gone.url), encoding="utf-8")
    known = client.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    done = federated.operator.run("identity", "trust", SITE, "--context", str(copy))
    assert done.returncode == 3
    assert f"TEN-415 the keys of issuer {gone.url} can't be read" in done.stderr
    assert client.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == known


def test_the_issuer_of_a_party_is_trusted_for_its_own_audience(
    client: Client, federated: Federated, tmp_path: Path
) -> None:
    with issuer(tmp_path / "party") as party:
        # A party's issuer is reached as anybody's is: by what this machine trusts.
        known = {"SSL_CERT_FILE": str(party.authority)}
        identity = {"issuer": party.url, "subject": "reader", "audience": "sts.party.example"}
        consumer = {"party": "acme-analytics", "identity": identity}
        file = federated.operator.grant(federated.wanted, federated.wanted, consumer=consumer, ceiling="open")
        done = federated.operator.run("identity", "trust", SITE, "--format", "json", **known)
        file.unlink()
    assert done.returncode == 0, done.stderr
    assert {"issuer": party.url, "action": "created"} in json.loads(done.stdout)["issuers"]
    listed = client.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    (arn,) = (one["Arn"] for one in listed if party.name in one["Arn"])
    assert client.iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"] == [
        "sts.party.example"
    ]


def test_a_tenant_ends_with_its_roles_and_its_data_where_they_were_agreed_to_go(
    sandbox: Sandbox, client: Client, federated: Federated
) -> None:
    operator = federated.operator
    archive = {"tenant": federated.tenant, "bucket": "documents"}
    wanted = request("leaving", buckets=[{"name": "documents", "retentionDays": 0}])
    tenant = str(wanted["spec"]["id"])
    operator.ask(federated.wanted, wanted)
    operator.apply()
    client.s3.put_object(Bucket=f"{tenant}-documents", Key="one", Body=b"1")
    operator.end(tenant, {"name": "documents", "disposal": "export", "to": archive})
    done = operator.run("retire", tenant, "--yes")
    assert done.returncode == 0, done.stderr
    kept = client.s3.list_objects_v2(Bucket=f"{federated.tenant}-documents", Prefix=f"retired/{tenant}/")["Contents"]
    assert [one["Key"] for one in kept if one["Key"].endswith("/one")]
    assert f"{tenant}-documents" not in [one["Name"] for one in client.s3.list_buckets()["Buckets"]]
    assert list_identities(client, federated.tenant) != []
    assert list_identities(client, tenant) == []
    assert sandbox.kubectl(SITE, "get", "namespace", f"{tenant}-main").returncode == 1
