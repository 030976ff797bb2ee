"""Eight tenants of differing departments and classes on two sites, that share four things on purpose."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from issuers import Issuer
from operators import Operator, make_operator, request
from sites import Sandbox
from tenantry.sandbox.site.settings import authentication_file

APPROVALS = {
    "open": ("owner",),
    "shared": ("owner",),
    "market": ("owner", "legal"),
    "restricted": ("owner", "security"),
}
PORT = 8443
HOST = "forms.gov.example"
PUBLISHED, PRIVATE = "published/one", "private/two"
"""The two objects that each bucket holds."""
BUCKET = "documents"


@dataclass(frozen=True, slots=True)
class Plan:
    """One tenant: its site, department and class, and what else its request says."""

    name: str
    site: str
    department: str
    classification: str
    more: Mapping[str, Any] = field(default_factory=dict)


def _bucket(**more: object) -> list[dict[str, Any]]:
    return [{"name": BUCKET, **more}]


_INTENT = {"port": PORT, "reason": "Shows the map of an office."}
PLANS = (
    Plan("register", "onprem", "platforms", "shared"),
    Plan("portal", "onprem", "hmcts", "shared"),
    Plan("court", "onprem", "cica", "restricted"),
    Plan("maps", "onprem", "laa", "open", {"buckets": _bucket(publish=True)}),
    # The party has the data for a month, and the class keeps it for a year after that.
    Plan("licences", "hosted", "hmpps", "market", {"buckets": _bucket(retentionDays=400)}),
    Plan("news", "hosted", "hq", "open", {"buckets": _bucket(publish=True)}),
    Plan("forms", "hosted", "central-digital", "shared", {"ingress": {"hosts": [HOST]}}),
    Plan("labs", "hosted", "platforms", "shared"),
)
GRANTED, SERVED, LICENSED = "register-for-portal", "forms-for-labs", "licences-for-acme"
"""The grants: of a dataset, of a service, and of a dataset to an outside party."""
PROVIDER = "licences"
"""Whose data the outside party has."""


@dataclass(frozen=True)
class World:
    """The tenants as they live: by name, the requests that made them."""

    sandbox: Sandbox
    operator: Operator
    pipelines: Issuer
    requests: Mapping[str, Mapping[str, Any]]

    def site_of(self, name: str) -> str:
        """Give a tenant's site."""
        return str(self.requests[name]["spec"]["placement"]["site"])

    def id_of(self, name: str) -> str:
        """Give a tenant's id."""
        return str(self.requests[name]["spec"]["id"])

    def bucket_of(self, name: str) -> str:
        """Give the name of a tenant's bucket in its store."""
        return f"{self.id_of(name)}-{BUCKET}"

    def is_published(self, name: str) -> bool:
        """Say whether anybody may read what a tenant's bucket holds."""
        return any(one.get("publish") for one in self.requests[name]["spec"]["buckets"])


def audience(site: str) -> str:
    """Give the audience that a pipeline's token for a site names."""
    return f"https://kubernetes.{site}.gov.example"


def build_world(sandbox: Sandbox, pipelines: Issuer, folder: Path) -> World:
    """Write the government, have the sites know its pipelines, and apply all of it by the commands of a user."""
    operator = make_operator(sandbox, folder)
    requests = {plan.name: _request(plan, pipelines) for plan in PLANS}
    _agree(requests)
    operator.ask(*requests.values())
    _grant(operator, requests)
    for site in sandbox.sites:
        _know_pipelines(operator, site, pipelines)
    operator.apply()
    world = World(sandbox, operator, pipelines, requests)
    _fill(world)
    return world


def _request(plan: Plan, pipelines: Issuer) -> dict[str, Any]:
    approvals = [
        {"by": f"{role}@{plan.department}.gov.example", "role": role, "on": "2026-08-01", "reference": "CHG-1"}
        for role in APPROVALS[plan.classification]
    ]
    spec: dict[str, Any] = {
        "department": plan.department,
        "classification": plan.classification,
        "access": [{"group": f"{plan.name}-{role}s", "role": role} for role in ("admin", "developer")],
        "approvals": approvals,
        "ci": {"issuer": pipelines.url, "repository": f"{plan.department}/{plan.name}", "branch": "main"},
    }
    return request(plan.name, plan.site, **{**spec, **plan.more})


def _agree(requests: Mapping[str, dict[str, Any]]) -> None:
    """Have the portal ask for the maps' port, and the maps let it in."""
    portal, maps = requests["portal"]["spec"], requests["maps"]["spec"]
    portal["intents"] = [{"direction": "to", "tenant": maps["id"], **_INTENT}]
    maps["intents"] = [{"direction": "from", "tenant": portal["id"], **_INTENT}]
    portal["serviceAccounts"][0]["grants"] = [GRANTED]


def _grant(operator: Operator, requests: Mapping[str, dict[str, Any]]) -> None:
    folder = operator.government / "grants"
    for name, giver, taker, shared in (
        (GRANTED, "register", "portal", {}),
        (SERVED, "forms", "labs", {"service": {"host": HOST, "port": PORT}}),
        (LICENSED, PROVIDER, "labs", _licence(requests[PROVIDER])),
    ):
        file = operator.grant(requests[giver], requests[taker], **shared)
        document = yaml.safe_load(file.read_text())
        document["metadata"]["name"] = name
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(document))
        file.unlink()


def _licence(provider: Mapping[str, Any]) -> dict[str, Any]:
    """Say who has the data instead of a tenant, and who approved that: those who approved the provider's request."""
    approvals = [{**one, "by": f"licensing-{one['by']}"} for one in provider["spec"]["approvals"]]
    return {"consumer": {"party": "acme-analytics"}, "ceiling": "market", "approvals": approvals}


def _know_pipelines(operator: Operator, site: str, pipelines: Issuer) -> None:
    file = operator.government / "sites" / f"{site}.yaml"
    document = yaml.safe_load(file.read_text())
    document["spec"]["pipelines"] = [
        {
            "issuer": pipelines.url,
            "audience": audience(site),
            "system": "gitlab",
            "certificateAuthority": pipelines.authority.read_text(),
        }
    ]
    file.write_text(yaml.safe_dump(document))
    told = authentication_file(operator.sandbox.layout(site))
    done = operator.run("identity", "authentication", site, "--output", str(told))
    if done.returncode:
        raise SystemExit(done.stderr)


def _fill(world: World) -> None:
    """Put two objects into each bucket, as the platform's administrator."""
    for name in world.requests:
        store = world.sandbox.client(world.site_of(name), "s3")
        for key in (PUBLISHED, PRIVATE):
            store.put_object(Bucket=world.bucket_of(name), Key=key, Body=name.encode())


def kubectl(world: World, site: str, *words: str, stdin: str | None = None) -> str:
    """Run kubectl as the platform's administrator, and give what it said."""
    done: subprocess.CompletedProcess[str] = world.sandbox.kubectl(site, *words, stdin=stdin)
    if done.returncode:
        raise SystemExit(f"kubectl {' '.join(words)}: {done.stderr}")
    return done.stdout
