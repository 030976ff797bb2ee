"""Pipelines come to a real API server with tokens of their own issuers, and each is bound to what its request says."""

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from examples import minimal
from issuers import Issuer, issuer
from sites import Sandbox
from strategies import baseline, document
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, load_documents
from tenantry.data import example_dir
from tenantry.fleet.site.kubeconfig import read_context
from tenantry.render import render_tenant, to_yaml
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site.settings import authentication_file

SITE, HOME, OTHER = "onprem", "t-pipes001-main", "t-pipes002-main"
AUDIENCE = "https://kubernetes.onprem.gov.example"
SECONDS = 120
"""A server that misses the change of its file looks at it once a minute."""


@dataclass(frozen=True)
class Systems:
    """Two CI systems that the site knows, and one that says it is the first."""

    github: Issuer
    gitlab: Issuer
    impostor: Issuer


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    folder = tmp_path_factory.mktemp("systems")
    with issuer(folder / "one") as github, issuer(folder / "two") as gitlab, issuer(folder / "three") as impostor:
        yield Systems(github, gitlab, impostor)


def write_government(folder: Path, systems: Systems) -> Path:
    """Write a government of one site that knows both systems."""
    site = yaml.safe_load((example_dir() / "sites" / f"{SITE}.yaml").read_text())
    site["spec"]["pipelines"] = [
        {
            "issuer": one.url,
            "audience": AUDIENCE,
            "system": system,
            "certificateAuthority": one.authority.read_text(),
        }
        for system, one in (("github", systems.github), ("gitlab", systems.gitlab))
    ]
    (folder / "sites").mkdir(parents=True)
    (folder / "tenants").mkdir()
    (folder / "sites" / f"{SITE}.yaml").write_text(yaml.safe_dump(site))
    return folder


@pytest.fixture(scope="module")
def known(sandbox: Sandbox, systems: Systems, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Have the site know both systems, by the command that its platform would run."""
    folder = write_government(tmp_path_factory.mktemp("government"), systems)
    file = authentication_file(sandbox.layout(SITE))
    before = file.read_bytes()
    command = ["tenantry", "identity", "authentication", SITE, "--context", str(folder), "--output", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    try:
        _wait_until_known(sandbox, github_token(systems.github))
        _wait_until_known(sandbox, gitlab_token(systems.gitlab))
        yield folder
    finally:
        file.write_bytes(before)


def _wait_until_known(sandbox: Sandbox, token: str) -> None:
    end = time.monotonic() + SECONDS
    while who(sandbox, token) is None:
        assert time.monotonic() < end, "the API server didn't take up its changed configuration"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def tenants(sandbox: Sandbox, known: Path, systems: Systems) -> Iterator[None]:
    """Apply two tenants with a pipeline each, as far as Kubernetes goes."""
    around = load_documents([example_dir() / "departments", known / "sites"])
    pipelines: list[dict[str, Any]] = [
        {"issuer": systems.github.url, "repository": "platforms/records", "branch": "main", "environment": "prod"},
        {"issuer": systems.gitlab.url, "repository": "platforms/maps", "branch": "main"},
    ]
    asked = [
        minimal(name=f"pipes-{number}", id=f"t-pipes00{number}", department="platforms", ci=ci)
        for number, ci in enumerate(pipelines, 1)
    ]
    documents = Documents(tuple(map(document, asked)), sites=around.sites, departments=around.departments)
    rendered = [render_tenant(one, around.sites[SITE], baseline()) for one in complete(documents, baseline())]
    for one in rendered:
        command = ["apply", "--server-side", "--field-manager=tenantry", "-f", "-"]
        done = sandbox.kubectl(SITE, *command, stdin=to_yaml(one.kubernetes))
        assert (done.returncode, done.stderr) == (0, "")
    try:
        yield
    finally:
        names = [name for one in rendered for name in one.namespaces]
        sandbox.kubectl(SITE, "delete", "namespace", "--ignore-not-found", *names)


def github_token(system: Issuer, audience: str = AUDIENCE, **more: object) -> str:
    usual = {"repository": "platforms/records", "ref": "refs/heads/main", "environment": "prod"}
    return system.token("repo:platforms/records:environment:prod", audience, **{**usual, **more})


def gitlab_token(system: Issuer, audience: str = AUDIENCE, **more: object) -> str:
    usual = {"project_path": "platforms/maps", "ref": "main", "ref_type": "branch"}
    return system.token("project_path:platforms/maps:ref_type:branch:ref:main", audience, **{**usual, **more})


def ask(sandbox: Sandbox, token: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send a request with a token alone."""
    server = read_context(sandbox.connection(SITE)).cluster["server"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib3.PoolManager(ca_certs=str(Layout(sandbox.state).ca), retries=False) as pool:
        answer = pool.request("POST", f"{server}{path}", body=json.dumps(body), headers=headers)
    return answer.status, dict(answer.json())


def who(sandbox: Sandbox, token: str) -> dict[str, Any] | None:
    """Ask who the API server takes the bearer for; None where it doesn't know."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    status, said = ask(sandbox, token, "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    if status == 401:
        return None
    assert status == 201, said
    return dict(said["status"]["userInfo"])


def deploys(sandbox: Sandbox, token: str, namespace: str) -> bool:
    """Try to make a ConfigMap, all but stored."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "from-a-pipeline"}}
    status, said = ask(sandbox, token, f"/api/v1/namespaces/{namespace}/configmaps?dryRun=All", body)
    assert status in (201, 401, 403), said
    return status == 201


def test_a_pipeline_deploys_into_its_tenant_and_no_other(sandbox: Sandbox, systems: Systems, tenants: None) -> None:
    github, gitlab = github_token(systems.github), gitlab_token(systems.gitlab)
    assert [deploys(sandbox, github, place) for place in (HOME, OTHER, "kube-system")] == [True, False, False]
    assert [deploys(sandbox, gitlab, place) for place in (HOME, OTHER, "kube-system")] == [False, True, False]
    user = who(sandbox, github)
    assert user is not None
    assert user["username"] == f"ci:{systems.github.name}:platforms/records:main:prod"
    assert user["extra"]["tenantry.dev/subject"] == ["repo:platforms/records:environment:prod"]


@pytest.mark.parametrize(
    "changed",
    [
        {"repository": "platforms/other"},
        {"ref": "refs/heads/other"},
        {"ref": "refs/tags/main"},
        {"ref": "refs/pull/1/merge"},
        {"environment": "test"},
        {"environment": ""},
        {"environment": None},
        {"repository": "platforms/records:main"},
        {"ref": None},
        {"exp": 1},
        {"nbf": 4_000_000_000},
        {"iss": "https://127.0.0.1:1"},
    ],
    ids=str,
)
def test_a_token_of_anything_else_of_github_opens_nothing(
    sandbox: Sandbox, systems: Systems, tenants: None, changed: dict[str, Any]
) -> None:
    assert not deploys(sandbox, github_token(systems.github, **changed), HOME)


@pytest.mark.parametrize(
    "changed",
    [{"ref_type": "tag"}, {"ref_type": None}, {"ref": "other"}, {"project_path": "a/b"}, {"environment": "prod"}],
    ids=str,
)
def test_a_token_of_anything_else_of_gitlab_opens_nothing(
    sandbox: Sandbox, systems: Systems, tenants: None, changed: dict[str, Any]
) -> None:
    assert not deploys(sandbox, gitlab_token(systems.gitlab, **changed), OTHER)


def test_a_token_for_another_audience_or_with_another_key_is_nobodys(
    sandbox: Sandbox, systems: Systems, tenants: None
) -> None:
    assert who(sandbox, github_token(systems.github, "https://kubernetes.hosted.gov.example")) is None
    assert who(sandbox, github_token(systems.impostor)) is None
    assert who(sandbox, github_token(systems.impostor, iss=systems.github.url)) is None
    # The claims of one system are none of another's.
    assert who(sandbox, github_token(systems.gitlab)) is None
    token = github_token(systems.github)
    head, body, signature = token.split(".")
    assert who(sandbox, f"{head}.{body}.{signature[:-8]}AAAAAAAA") is None
