"""The baseline's cases, the tenant's namespace in which they are judged, and what a policy says of its own."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from tenantry.data import baseline_file, policy_dir
from tenantry.policy import Finding, Judgement, Placed, PolicySet, build_policies, read_paths
from tenantry.policy.admission.judge import Judge
from tenantry.policy.objects.cluster import Cluster, build_cluster
from tenantry.policy.objects.prepare import Prepared, prepare_request
from tenantry.policy.objects.request import Request

Manifest = dict[str, Any]

POLICIES = sorted(policy_dir().glob("*/*/policy.yaml"))
FINDINGS = Path(__file__).with_name("findings.txt")
CASES = sorted(policy_dir().glob("*/*/cases/*.yaml"))
TENANT: Manifest = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": "default",
        "labels": {"tenantry.dev/tenant": "t-00000000"},
        "annotations": {
            "tenantry.dev/registries": "registry.example mirror.example:5000/trusted",
            "tenantry.dev/priority-classes": "tenant-low tenant-high",
            "tenantry.dev/runtime-classes": "runc gvisor",
            "tenantry.dev/storage-classes": "standard encrypted",
            "tenantry.dev/hosts": "portal.gov.example forms.gov.example e.gov.example *.media.gov.example",
        },
    },
}

NAMESPACES: dict[str, Manifest] = {
    "created": TENANT,
    # The tenant's, where it says of nothing that its objects may have it; and the same one, where it is nobody's.
    "bare": {**TENANT, "metadata": {**TENANT["metadata"], "annotations": {}}},
    "elsewhere": {**TENANT, "metadata": {"name": "default"}},
}

(BASELINE,) = (placed.manifest for placed in read_paths([baseline_file()]))
"""The parameters of policies whose figures hang on the classification."""


def show(path: object) -> str:
    """`policy/case`, or the policy alone."""
    if not isinstance(path, Path):
        return ""
    return path.parent.name if path.name == "policy.yaml" else f"{policy_of(path)}/{path.stem}"


def policy_of(case: Path) -> str:
    """The policy that a case is about."""
    return case.parent.parent.name


def policy_file(case: Path) -> Path:
    """Where the policy stands that a case is about."""
    return case.parent.parent / "policy.yaml"


def around_case(case: Path, namespace: str) -> tuple[list[Manifest], Placed]:
    """What is there already, in a namespace, and the object that the case is about: its file's last document."""
    *around, judged = read_paths([case])
    return [
        {**one.manifest, "metadata": {"namespace": namespace, **one.manifest["metadata"]}} for one in around
    ], judged


@cache
def load(policy: Path) -> PolicySet:
    """One policy with its binding."""
    return build_policies(read_paths([policy]))


def cases_of(policy: Path) -> list[Path]:
    """The cases of a policy."""
    return sorted((policy.parent / "cases").glob("*.yaml"))


@dataclass(frozen=True)
class Way:
    """One way in which a case's object comes to an API server, and what is there already."""

    name: str
    prepared: Prepared
    cluster: Cluster


def ways_of(case: Path) -> Iterator[Way]:
    """The object made in a tenant's namespace, changed there, and made where the namespace is bare, or nobody's."""
    around, judged = around_case(case, TENANT["metadata"]["name"])
    for name, namespace in NAMESPACES.items():
        cluster = build_cluster([namespace, BASELINE, *around]) if around else _surround(name)
        made = prepare_request(judged.manifest, cluster, source=judged.source)
        yield Way(name, made, cluster)
        if name == "created" and not made.refused:
            yield Way("changed", _change(made.request, cluster), cluster)
        if made.request.resource.is_namespace or not made.request.namespace:
            return


@cache
def _surround(name: str) -> Cluster:
    """What is there where a case brings nothing: the same for all such cases, so that one judge can do for them."""
    return build_cluster([NAMESPACES[name], BASELINE])


def _change(created: Request, cluster: Cluster) -> Prepared:
    """The update of an object into what it is; ephemeral containers only come into a pod by their own subresource."""
    assert created.object is not None
    old = deepcopy(created.object)
    ephemeral = created.resource.kind == "Pod" and old["spec"].pop("ephemeralContainers", None)
    made = prepare_request(created.object, cluster, operation="UPDATE", old=old, source=created.source)
    return made._replace(request=replace(made.request, subresource="ephemeralcontainers")) if ephemeral else made


def judge_way(policies: PolicySet, way: Way) -> Judgement:
    """What a policy says of an object that comes in one way."""
    return Judge(policies.policies, way.cluster, traced=False).judge(way.prepared)


def tell(found: Judgement) -> list[str]:
    """A judgement in lines: the verdict, then each finding's message."""
    return [str(found.verdict), *sorted(map(_tell_finding, found.findings))]


def _tell_finding(finding: Finding) -> str:
    # The text of an expression that errs isn't what it says: a changed expression would always say something else.
    message = finding.message.rpartition(" resulted in error: ")[2] if finding.errored else finding.message
    said = "errs" if finding.errored else str(finding.verdict)
    return f"{said}{finding.path and ' in '}{finding.path}: {message}".replace("\n", "\\n")


def write_findings() -> str:
    """What each policy says of each of its cases, as the golden file has it."""
    lines: list[str] = []
    for case in CASES:
        told = {way.name: tell(judge_way(load(policy_file(case)), way)) for way in ways_of(case)}
        lines.append(f"{show(case)}: {', '.join(f'{name} {said[0]}' for name, said in told.items())}")
        for name, said in told.items():
            # Most are as that of the making.
            if name == "created" or said != told["created"]:
                lines += [f"    {name}: {line}" for line in said[1:]]
    return "\n".join([*lines, ""])
