"""Ten wrong rules, each of a kind that a site has had: with any of them the matrix has to turn red."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from isolation.identities import ACCOUNT
from isolation.matrix import Surface
from isolation.world import World, kubectl
from operators import keys_of
from tenantry.sandbox.site.settings import authentication_file

_RBAC = "rbac.authorization.k8s.io"
Undo = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Plant:
    """A wrong rule: what it is, where it shows, and what puts it there and gives back how to take it away."""

    name: str
    surface: Surface
    put: Callable[[World], Undo]

    @contextmanager
    def planted(self, world: World) -> Iterator[None]:
        """Have it there for a while."""
        undo = self.put(world)
        try:
            yield
        finally:
            undo()


def _apply(world: World, site: str, *manifests: dict[str, Any]) -> Undo:
    text = yaml.safe_dump_all(manifests)
    kubectl(world, site, "apply", "--server-side", "--field-manager=plant", "-f", "-", stdin=text)
    return lambda: kubectl(world, site, "delete", "-f", "-", stdin=text)


def _role(name: str, verbs: list[str], resources: list[str], namespace: str = "") -> dict[str, Any]:
    rule = {"apiGroups": [""], "resources": resources, "verbs": verbs}
    kind = {"apiVersion": f"{_RBAC}/v1", "kind": "Role" if namespace else "ClusterRole"}
    return {**kind, "metadata": _named(name, namespace), "rules": [rule]}


def _binding(name: str, role: str, kind: str, who: str, namespace: str = "", *, cluster: bool = True) -> dict[str, Any]:
    """Bind a role to a group (`Group`), or to a service account's user (`User`)."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": _named(name, namespace),
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole" if cluster else "Role", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": kind, "name": who}],
    }


def _named(name: str, namespace: str) -> dict[str, str]:
    return {"name": f"plant-{name}", **({"namespace": namespace} if namespace else {})}


def _home(world: World, name: str) -> str:
    return f"{world.id_of(name)}-main"


def _account(world: World, name: str) -> str:
    return f"system:serviceaccount:{_home(world, name)}:{ACCOUNT}"


def _view_everything(world: World) -> Undo:
    return _apply(world, "onprem", _binding("view", "view", "Group", "portal-developers"))


def _neighbours_admin(world: World) -> Undo:
    home = _home(world, "court")
    return _apply(world, "onprem", _binding("admin", "tenantry-admin", "Group", "maps-admins", home, cluster=False))


def _secrets_for_all(world: World) -> Undo:
    role = _role("secrets", ["get", "list"], ["secrets"])
    return _apply(world, "hosted", role, _binding("secrets", "plant-secrets", "Group", "system:authenticated"))


def _impersonator(world: World) -> Undo:
    role = _role("impersonate", ["impersonate"], ["users", "groups", "serviceaccounts"])
    return _apply(world, "hosted", role, _binding("impersonate", "plant-impersonate", "User", _account(world, "labs")))


def _token_maker(world: World) -> Undo:
    home = _home(world, "register")
    role = _role("token", ["create"], ["serviceaccounts/token"], home)
    binding = _binding("token", "plant-token", "User", _account(world, "portal"), home, cluster=False)
    return _apply(world, "onprem", role, binding)


def _open_network(world: World) -> Undo:
    def policy(name: str, side: str, peers: str) -> dict[str, Any]:
        spec = {"podSelector": {}, "policyTypes": [side], side.lower(): [{peers: [{"namespaceSelector": {}}]}]}
        meta = _named("open", _home(world, name))
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}

    return _apply(world, "hosted", policy("news", "Egress", "to"), policy("licences", "Ingress", "from"))


def _published_by_mistake(world: World) -> Undo:
    store, bucket = world.sandbox.client("onprem", "s3"), world.bucket_of("court")
    before = store.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    anyone = {"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    policy["Statement"].append(anyone)
    store.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    return lambda: store.put_bucket_policy(Bucket=bucket, Policy=before)


def _wide_policy(world: World) -> Undo:
    iam, user = world.sandbox.client("hosted", "iam"), f"{world.id_of('news')}.main.{ACCOUNT}"
    bucket = f"arn:aws:s3:::{world.bucket_of('licences')}"
    allow = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:PutObject"], "Resource": [bucket, f"{bucket}/*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName=user, PolicyName="plant", PolicyDocument=document)
    return lambda: iam.delete_user_policy(UserName=user, PolicyName="plant")


def _one_key_for_two(world: World) -> Undo:
    """Have one tenant's Secret hold another's key."""
    wrong = keys_of(world.sandbox, world.requests["register"])
    right = keys_of(world.sandbox, world.requests["maps"])
    home = _home(world, "maps")

    def write(keys: tuple[str, str]) -> None:
        values = [base64.b64encode(one.encode()).decode() for one in keys]
        data = {"AWS_ACCESS_KEY_ID": values[0], "AWS_SECRET_ACCESS_KEY": values[1]}
        patch = json.dumps({"data": data})
        kubectl(world, "onprem", "-n", home, "patch", "secret", f"{ACCOUNT}-buckets", "--patch", patch)

    write(wrong)
    return lambda: write(right)


def _any_repository(world: World) -> Undo:
    """Have the API server take every pipeline of the system for one tenant's."""
    file = authentication_file(world.sandbox.layout("onprem"))
    before = file.read_text()
    document = yaml.safe_load(before)
    ci = world.requests["court"]["spec"]["ci"]
    (authenticator,) = document["jwt"]
    user = f"ci:{world.pipelines.name}:{ci['repository']}:{ci['branch']}"
    authenticator["claimMappings"]["username"]["expression"] = f"'{user}'"
    file.write_text(yaml.safe_dump(document))
    return lambda: file.write_text(before)


PLANTS = (
    Plant("a developer group may view the whole cluster", Surface.KUBERNETES, _view_everything),
    Plant("an admin group is bound in another tenant's namespace", Surface.KUBERNETES, _neighbours_admin),
    Plant("everyone who is known may read Secrets", Surface.KUBERNETES, _secrets_for_all),
    Plant("a workload may impersonate", Surface.KUBERNETES, _impersonator),
    Plant("a workload may make tokens of another tenant's account", Surface.KUBERNETES, _token_maker),
    Plant("every pipeline is taken for one tenant's", Surface.KUBERNETES, _any_repository),
    Plant("two tenants' networks are open", Surface.NETWORK, _open_network),
    Plant("a restricted bucket is published", Surface.STORE, _published_by_mistake),
    Plant("a user's policy names another tenant's bucket", Surface.STORE, _wide_policy),
    Plant("a tenant's Secret holds another's key", Surface.STORE, _one_key_for_two),
)
