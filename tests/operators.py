"""Platform engineers for tests: each with a government and a machine of their own, and the sandbox's sites."""

import base64
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from sites import Sandbox
from tenantry.data import example_dir
from tenantry.fleet.selection import Planned, select

LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
Outcome = dict[str, Any]
ENDS_SECONDS = 300
GRANTED = {"bucket": "documents", "prefix": "published/", "access": "read"}


def new_id() -> str:
    """Make a tenant's id that no other test has."""
    return "t-" + "".join(random.SystemRandom().choices(LETTERS, k=8))


def request(name: str = "portal", site: str = "onprem", **spec: object) -> dict[str, Any]:
    """Make a request that brings objects of each kind: two namespaces, a bucket, and an account that uses it."""
    tenant = new_id()
    usual: dict[str, Any] = {
        "id": tenant,
        "department": "platforms",
        "template": "service",
        "environment": "dev",
        "classification": "open",
        "size": "small",
        "placement": {"site": site},
        "namespaces": [{"name": "main"}, {"name": "jobs"}],
        "buckets": [{"name": "documents"}],
        "serviceAccounts": [
            {"name": "app", "namespace": "main", "buckets": [{"bucket": "documents", "access": "readWrite"}]}
        ],
        "access": [{"group": "portal-team", "role": "developer"}],
        "approvals": [{"by": "o@gov.example", "role": "owner", "on": "2026-08-01", "reference": "CHG-1"}],
    }
    metadata = {"name": name}
    return {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "metadata": metadata, "spec": {**usual, **spec}}


@dataclass
class Operator:
    """One engineer: a folder with requests, a state folder, and the connections that lead to the sites."""

    sandbox: Sandbox
    government: Path
    state: Path
    connections: Path
    ids: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What a command of this engineer runs with."""
        places = {"TENANTRY_STATE": str(self.state), "TENANTRY_CONNECTIONS": str(self.connections)}
        return {**os.environ, "COLUMNS": "200", **places}

    @property
    def checkpoints(self) -> Path:
        """Where the stacks' state files lie."""
        return self.state / "pulumi" / "state" / ".pulumi" / "stacks" / "tenantry"

    def state_of(self, tenant: str) -> dict[str, Any]:
        """Read what a stack's state file says."""
        checkpoint = json.loads((self.checkpoints / f"{tenant}.json").read_text())["checkpoint"]
        return dict(checkpoint["latest"])

    def ask(self, *requests: Mapping[str, Any]) -> None:
        """Write requests, one file a tenant, by its id: a second request for an id takes the place of the first."""
        folder = self.government / "tenants"
        folder.mkdir(exist_ok=True)
        for one in requests:
            (folder / f"{one['spec']['id']}.yaml").write_text(yaml.safe_dump(dict(one)), encoding="utf-8")

    def waive(self, policy: str, selector: Mapping[str, str], *, approved: int = -1, expires: int = 10) -> Path:
        """Write a waiver of a policy, by the policy's name; it's approved, and lapses, so many days from today."""
        today = datetime.now(UTC).date()
        spec = {
            "policy": policy,
            "objects": [dict(selector)],
            "reason": "The next release does without it.",
            "owner": "o@gov.example",
            "approver": "s@gov.example",
            "ticket": "SEC-1",
            "approved": today + timedelta(days=approved),
            "expires": today + timedelta(days=expires),
        }
        waiver = {"apiVersion": "tenantry.dev/v1", "kind": "Waiver", "metadata": {"name": policy}, "spec": spec}
        file = self.government / "waivers" / f"{policy}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(waiver), encoding="utf-8")
        return file

    def grant(self, giver: Mapping[str, Any], taker: Mapping[str, Any], **spec: object) -> Path:
        """Write a grant of what the giver publishes in its bucket `documents`; by default it's in force now."""
        today = datetime.now(UTC).date()
        shared = {} if "service" in spec else {"dataset": GRANTED}
        approval = {"role": "owner", "on": today - timedelta(days=2), "reference": "CHG-2"}
        usual = {
            "provider": giver["spec"]["id"],
            "consumer": {"tenant": taker["spec"]["id"]},
            "purpose": "Shows what is published.",
            "legalBasis": "Open Data Act, section 1",
            "ceiling": "shared",
            "starts": today - timedelta(days=1),
            "ends": today + timedelta(days=30),
            "approvals": [{"by": f"{side}@gov.example", **approval} for side in ("provider", "consumer")],
        }
        document = {"apiVersion": "tenantry.dev/v1", "kind": "Grant", "metadata": {"name": "published"}}
        file = self.government / "grants" / "published.yaml"
        file.parent.mkdir(exist_ok=True)
        spec = {**usual, **shared, **spec}
        file.write_text(json.dumps({**document, "spec": spec}, default=str), encoding="utf-8")
        return file

    def end(self, tenant: str, *buckets: Mapping[str, Any]) -> Path:
        """Write the retirement of a tenant, agreed today: what becomes of each of its buckets."""
        owner = {"by": "o@gov.example", "role": "owner", "on": datetime.now(UTC).date(), "reference": "END-1"}
        spec = {"tenant": tenant, "reason": "It moved.", "approvals": [owner], "buckets": list(buckets)}
        document = {"apiVersion": "tenantry.dev/v1", "kind": "Retirement", "metadata": {"name": f"end-{tenant}"}}
        file = self.government / "retirements" / f"{tenant}.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump({**document, "spec": spec}), encoding="utf-8")
        return file

    def forget(self) -> None:
        """Remove all requests."""
        shutil.rmtree(self.government / "tenants", ignore_errors=True)

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start a command of tenantry's in the government's folder."""
        return subprocess.Popen(
            [sys.executable, "-m", "tenantry", *words],
            cwd=self.government,
            env={**self.environment, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; the caller looks at exit code and output."""
        with self.start(*words, **more) as process:
            out, err = outcome_of(process)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def apply(self, *words: str, code: int = 0, **more: str) -> dict[str, Outcome]:
        """Apply, by default all requests, and give what became of each by its id."""
        done = self.run("apply", *(words or (".",)), "--format", "json", **more)
        assert done.returncode == code, done.stdout + done.stderr
        outcomes: list[Outcome] = json.loads(done.stdout)
        return {one["tenant"]: one for one in outcomes}

    def planned(self) -> tuple[Planned, ...]:
        """Render all requests, as the commands do."""
        return select([str(self.government / "tenants")], self.government).planned

    def status(self) -> dict[str, str]:
        """Give each tenant's state by its id."""
        done = self.run("status", ".", "--format", "json")
        return {one["tenant"]: one["state"] for one in json.loads(done.stdout)}

    def differences(self) -> dict[str, str]:
        """Give what drifted, by object."""
        done = self.run("drift", ".", "--format", "json")
        found = {d["object"]: d["what"] for one in json.loads(done.stdout) for d in one["differences"]}
        assert done.returncode == (1 if found else 0), done.stderr
        return found


def outcome_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Give what a command said, once it has ended; whatever happens to its sites, that is within some minutes."""
    try:
        return process.communicate(timeout=ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def make_operator(sandbox: Sandbox, folder: Path) -> Operator:
    """Make an engineer's folders: the example's sites and departments, no request yet, connections to the sandbox."""
    government = folder / "government"
    for name in ("sites", "departments"):
        shutil.copytree(example_dir() / name, government / name)
    connections = folder / "connections"
    shutil.copytree(sandbox.state / "connections", connections)
    return Operator(sandbox, government, folder / "state", connections)


def living(sandbox: Sandbox, tenants: Iterable[str]) -> dict[str, set[str]]:
    """Give all that tenants have at each site, by kind and name, whoever made it."""
    wanted = set(tenants)
    found: dict[str, set[str]] = {}
    for site, objects in sandbox.snapshot().items():
        found[site] = {
            key
            for key, item in objects.items()
            if (_tenant_of(key, item) in wanted) and not key.startswith("ConfigMap/tenantry-system/")
        }
    return found


def _tenant_of(key: str, item: Any) -> str:  # noqa: ANN401  (a manifest, or what a store says)
    if isinstance(item, dict):
        return str(item["metadata"]["labels"]["tenantry.dev/tenant"])
    return key.partition("/")[2][:10]


def asked_for(planned: Iterable[Planned], sites: Iterable[str]) -> dict[str, set[str]]:
    """Give all that tenants should have at each site, in the words of `living`."""
    wanted: dict[str, set[str]] = {site: set() for site in sites}
    for one in planned:
        for manifest in one.rendered.kubernetes:
            metadata = manifest["metadata"]
            wanted[one.site.name].add(f"{manifest['kind']}/{metadata.get('namespace', '')}/{metadata['name']}")
        for document in one.rendered.object_store:
            if document["kind"] in ("Bucket", "User"):
                wanted[one.site.name].add(f"{document['kind']}/{document['metadata']['name']}")
    return wanted


def keys_of(sandbox: Sandbox, wanted: Mapping[str, Any], site: str = "onprem") -> tuple[str, str]:
    """Read the access key that the Secret of a tenant's own workload holds."""
    return keys_in(sandbox, wanted, "app-buckets", site)


def keys_in(sandbox: Sandbox, wanted: Mapping[str, Any], secret: str, site: str = "onprem") -> tuple[str, str]:
    """Read the access key in a Secret of a tenant's namespace `main`."""
    namespace = f"{wanted['spec']['id']}-main"
    data = json.loads(sandbox.kubectl(site, "-n", namespace, "get", "secret", secret, "-o", "json").stdout)["data"]
    access, key = (base64.b64decode(data[f"AWS_{name}"]).decode() for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
    return access, key
