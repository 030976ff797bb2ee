"""Whatever is wrong in what a government wrote has a code and a fix, and changes nothing at any site."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from trials import TODAY, lease

from operators import Operator, make_operator, request
from sites import Sandbox

INTENT = {"port": 8443, "reason": "Reads the register."}
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: everything, namespace: %s-main}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
"""


class World(NamedTuple):
    """A government with two tenants that live, and what stands in its folder."""

    operator: Operator
    register: dict[str, Any]
    portal: dict[str, Any]

    def id(self, name: str) -> str:
        return str({"register": self.register, "portal": self.portal}[name]["spec"]["id"])

    def ask(self, **change: Any) -> None:  # noqa: ANN401
        """Ask for something else for the portal."""
        self.operator.ask({**self.portal, "spec": {**self.portal["spec"], **change}})

    def grant(self, **change: Any) -> None:  # noqa: ANN401
        """Grant what the register has to the portal."""
        self.operator.grant(self.register, self.portal, **change)


@pytest.fixture(scope="module")
def living(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> World:
    operator = make_operator(sandbox, tmp_path_factory.mktemp("living"))
    register = request("register", classification="shared", namespaces=[{"name": "main"}])
    register["spec"]["ingress"] = {"hosts": ["register.gov.example"], "port": 8080}
    portal = request("portal", namespaces=[{"name": "main"}], buckets=[], serviceAccounts=[])
    operator.ask(register, portal)
    operator.apply()
    return World(operator, register, portal)


@pytest.fixture
def world(living: World, sandbox: Sandbox, tmp_path: Path) -> World:
    """The same two tenants, asked for in a folder of this test's own."""
    operator = make_operator(sandbox, tmp_path)
    operator.ask(living.register, living.portal)
    return World(operator, living.register, living.portal)


def once_retired(world: World) -> None:
    """Let the portal name a tenant that ended, whose retirement stays on file."""
    gone = request("gone", namespaces=[{"name": "main"}], buckets=[], serviceAccounts=[])
    world.operator.end(gone["spec"]["id"])
    world.ask(intents=[{"direction": "to", "tenant": gone["spec"]["id"], **INTENT}])


def name_groups(world: World) -> None:
    """Let the department say which groups there are."""
    file = world.operator.government / "departments" / "platforms.yaml"
    document = yaml.safe_load(file.read_text())
    document["spec"]["groups"] = ["portal-team", "auditors"]
    file.write_text(yaml.safe_dump(document))
    world.ask(access=[{"group": "portal-teem", "role": "admin"}])


def approve_alone(world: World) -> None:
    alone = {"by": "one@gov.example", "role": "owner", "on": TODAY, "reference": "CHG-1"}
    world.grant(approvals=[alone, alone])


def ask_anew(world: World) -> None:
    world.operator.ask(request("late", buckets=[], serviceAccounts=[], lease=lease(-1)))


CASES: dict[str, tuple[Callable[[World], None], str]] = {
    "a grant above its ceiling": (lambda world: world.grant(ceiling="open"), "TEN-161"),
    "a grant that one person approved": (approve_alone, "TEN-153"),
    "a grant that was over before it was agreed": (
        lambda world: world.grant(starts=TODAY - timedelta(days=30), ends=TODAY - timedelta(days=20)),
        "TEN-138",
    ),
    "a grant for nobody": (lambda world: world.grant(consumer={"tenant": "t-nobody00"}), "TEN-157"),
    "a grant of nobody": (lambda world: world.grant(provider="t-nobody00"), "TEN-157"),
    "a grant in a circle": (lambda world: world.grant(consumer={"tenant": world.id("register")}), "TEN-164"),
    "a grant of what another shares": (
        lambda world: world.grant(provider=world.id("portal"), consumer={"tenant": world.id("register")}),
        "TEN-157",
    ),
    "an intent to a retired tenant": (once_retired, "TEN-540"),
    "an intent to nobody": (
        lambda world: world.ask(intents=[{"direction": "to", "tenant": "t-nobody00", **INTENT}]),
        "TEN-139",
    ),
    "a host that another owns": (
        lambda world: world.ask(ingress={"hosts": ["register.gov.example"], "port": 8080}),
        "TEN-132",
    ),
    "a wildcard over another's host": (
        lambda world: world.ask(ingress={"hosts": ["*.gov.example"], "port": 8080}),
        "TEN-132",
    ),
    "a group that isn't known": (name_groups, "TEN-176"),
    "a group of Kubernetes itself": (
        lambda world: world.ask(access=[{"group": "system:masters", "role": "admin"}]),
        "TEN-123",
    ),
    "a role that isn't one": (lambda world: world.ask(access=[{"group": "portal-team", "role": "*"}]), "TEN-124"),
    "a lease in the past": (ask_anew, "TEN-679"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_told_with_a_code_and_a_fix_and_nothing_is_changed(sandbox: Sandbox, world: World, case: str) -> None:
    write, code = CASES[case]
    write(world)
    before = sandbox.snapshot()
    for command in ("plan", "apply", "sync") if code != "TEN-679" else ("plan", "apply"):
        done = world.operator.run(command, ".")
        said = done.stdout + done.stderr
        assert done.returncode == (1 if code == "TEN-679" else 2), said
        assert re.search(rf"{code} .*\n? *Fix: \S", said), said
    assert sandbox.snapshot() == before


def test_a_role_that_asks_for_everything_is_denied(world: World) -> None:
    """A tenant's own manifests may have roles; a request can't ask for one."""
    file = world.operator.government / "role.yaml"
    file.write_text(ROLE % world.id("portal"))
    done = world.operator.run("check", "role.yaml")
    assert (done.returncode, "TEN-610" in done.stdout, "rbac-wildcards" in done.stdout) == (1, True, True)
    assert "list the verbs, resources and groups that are needed" in done.stdout


def test_a_bucket_whose_policy_allows_everything_is_denied(world: World) -> None:
    """A department's own Pulumi program may make buckets; those that a request asks for allow what they name."""
    file = world.operator.government / "bucket.json"
    principal = {"AWS": [f"arn:aws:iam:::role/{world.id('register')}.main.app"]}
    statement = {"Effect": "Allow", "Principal": principal, "Action": ["s3:*"], "Resource": ["arn:aws:s3:::b/*"]}
    labels = {"tenantry.dev/tenant": world.id("register"), "tenantry.dev/classification": "shared"}
    bucket = {"apiVersion": "tenantry.dev/v1", "kind": "Bucket", "metadata": {"name": "b", "labels": labels}}
    file.write_text(yaml.safe_dump({**bucket, "spec": {"policy": {"Statement": [statement]}}}))
    done = world.operator.run("check", "bucket.json")
    assert (done.returncode, "bucket-actions" in done.stdout, "without *, unlike s3:*" in done.stdout) == (
        1,
        True,
        True,
    )
