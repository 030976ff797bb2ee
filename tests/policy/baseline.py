"""The baseline's cases, and the tenant's namespace in which they are judged."""

from pathlib import Path
from typing import Any

from tenantry.data import baseline_file, policy_dir
from tenantry.policy import Placed, read_paths

Manifest = dict[str, Any]

POLICIES = sorted(policy_dir().glob("*/*/policy.yaml"))
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
            "tenantry.dev/hosts": "portal.gov.example forms.gov.example *.media.gov.example",
        },
    },
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


def around_case(case: Path, namespace: str) -> tuple[list[Manifest], Placed]:
    """What is there already, in a namespace, and the object that the case is about: its file's last document."""
    *around, judged = read_paths([case])
    return [
        {**one.manifest, "metadata": {"namespace": namespace, **one.manifest["metadata"]}} for one in around
    ], judged
