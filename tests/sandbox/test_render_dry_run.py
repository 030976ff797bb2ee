"""What `tenantry render` prints is what a real API server accepts, without a warning."""

import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
import yaml

from examples import minimal
from sites import Sandbox
from tenantry.data import example_dir
from tenantry.fleet.selection import select
from tenantry.render import to_yaml

DRY_RUN = ("apply", "--server-side", "--dry-run=server", "--field-manager=tenantry", "-f", "-")


def render(sandbox: Sandbox, request: Path, context: Path) -> str:
    """Run the command as a user does."""
    command = [sys.executable, "-m", "tenantry", "render", str(request), "--context", str(context)]
    environment = {**os.environ, "TENANTRY_STATE": str(sandbox.state)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class Namespaces:
    """Namespaces that a dry run needs, for the API server doesn't look at objects in one that isn't there."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.made: defaultdict[str, list[str]] = defaultdict(list)

    def make(self, site: str, rendered: str) -> None:
        """Apply the namespaces of what was rendered; those that are there already are left as they are."""
        wanted = [each for each in yaml.safe_load_all(rendered) if each["kind"] == "Namespace"]
        names = [each["metadata"]["name"] for each in wanted]
        listed = self.sandbox.kubectl(site, "get", "namespaces", "-o", "name").stdout.split()
        missing = [each for each in wanted if f"namespace/{each['metadata']['name']}" not in listed]
        if missing:
            self.made[site] += [each["metadata"]["name"] for each in missing]
            text = to_yaml(missing)
            done = self.sandbox.kubectl(
                site, "apply", "--server-side", "--field-manager=tenantry", "-f", "-", stdin=text
            )
            assert (done.returncode, done.stderr) == (0, ""), names

    def remove(self) -> None:
        for site, names in self.made.items():
            done = self.sandbox.kubectl(site, "delete", "namespace", "--ignore-not-found", *names)
            assert done.returncode == 0, done.stderr


@pytest.fixture
def namespaces(sandbox: Sandbox) -> Iterator[Namespaces]:
    made = Namespaces(sandbox)
    try:
        yield made
    finally:
        made.remove()


def accepted(sandbox: Sandbox, site: str, rendered: str) -> None:
    """Hand what was rendered to the API server, which does all that it does but store it."""
    done = sandbox.kubectl(site, *DRY_RUN, stdin=rendered)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(list(yaml.safe_load_all(rendered)))
    assert all(line.endswith("serverside-applied (server dry run)") for line in lines)


def test_the_example_government_is_accepted(sandbox: Sandbox, namespaces: Namespaces) -> None:
    requests = {one.tenant.id: one for one in select([str(example_dir())]).planned}
    rendered: defaultdict[str, str] = defaultdict(str)
    text = render(sandbox, example_dir(), example_dir())
    for document in ("---\n" + part for part in text.removeprefix("---\n").split("\n---\n")):
        tenant = yaml.safe_load(document)["metadata"]["labels"]["tenantry.dev/tenant"]
        rendered[requests[tenant].site.name] += document.rstrip("\n") + "\n"
    assert set(rendered) == set(sandbox.sites)
    for site, part in rendered.items():
        namespaces.make(site, part)
        accepted(sandbox, site, part)


# What YAML's readers disagree about: each is a plain word to one and a number, a truth or nothing to another.
AMBIGUOUS = ("y", "n", "on", "1e3", "1.5e3", "0o17", "0x1f", "0b1", "1_000", "12", "012", "null", "true", "2026-01-01")


def test_a_tenant_with_several_namespaces_is_accepted(sandbox: Sandbox, namespaces: Namespaces, tmp_path: Path) -> None:
    request = minimal(
        name="1e3",
        id="t-dryrun01",
        department="platforms",
        classification="open",
        costCentre="SAP 1200/300 (Büro)",
        budget={"monthly": 10, "currency": "EUR"},
        quota={"cpu": "1", "memory": "1G", "storage": "7Gi", "pods": 7},
        namespaces=[{"name": "main", "share": 3}, {"name": "jobs"}, {"name": "n"}],
        ingress={"hosts": ["dry-run.gov.example", "*.dry-run.gov.example"]},
        intents=[
            {"direction": "to", "cidr": "10.20.0.0/24", "port": 5432, "reason": 'Says "yes": # no'},
            {"direction": "from", "cidr": "2001:db8::/48", "port": 53, "protocol": "UDP", "reason": "Prüft – 检查"},
            {"direction": "to", "cidr": "10.20.0.0/24", "port": 5432, "reason": "The same once more."},
        ],
        egress=[{"cidr": "0.0.0.0/0", "port": 443, "reason": "null"}, {"cidr": "::/0", "port": 443, "reason": "0x1f"}],
        buckets=[{"name": "y"}],
        serviceAccounts=[
            {"name": "y", "namespace": "n", "apiToken": True, "buckets": [{"bucket": "y", "access": "read"}]}
        ],
        access=[{"group": "oidc:team@gov.example/a", "role": "admin"}, {"group": "0o17", "role": "auditor"}],
        ci={"issuer": "https://ci.gov.example", "repository": "a/b", "branch": "main", "environment": "prod"},
        lease={"starts": "2026-12-01", "ends": "2027-05-31", "reason": "Trial."},
    )
    request["metadata"] = {"name": "1e3", "labels": {f"label-{value}": value for value in AMBIGUOUS}}
    path = tmp_path / "request.json"
    path.write_bytes(orjson.dumps(request))
    text = render(sandbox, path, example_dir())
    site = next(one.site.name for one in select([str(path)], example_dir(), alone=True).planned)
    namespaces.make(site, text)
    accepted(sandbox, site, text)
