"""The tools that are compared, each with the same ten rules in its own form and the command that judges by them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bench.bulk.rules import CEL_VARIABLES, KINDS, REGO_VARIABLES, RULES
from tenantry.paths import cache_dir
from tenantry.toolchain.golang import find_go

Manifest = dict[str, Any]

_SOURCES = {
    "gator": ("github.com/open-policy-agent/gatekeeper/v3", "cmd/gator", "v3.23.1"),
    "conftest": ("github.com/open-policy-agent/conftest", "", "v0.71.1"),
}


def build_tool(name: str) -> str:
    """Build a tool from its Go module into the cache, once, and give its path."""
    module, package, version = _SOURCES[name]
    folder = cache_dir() / "bench" / f"{name}-{version}"
    binary = folder / name
    if not binary.is_file():
        go = find_go((1, 24), lambda: None)
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": ""}
        path = f"{module}/{package}".rstrip("/")
        subprocess.run([go, "install", f"{path}@{version}"], env=environment, check=True)
    return str(binary)


def write_policies(folder: Path, rules: int = len(RULES)) -> None:
    """Write ValidatingAdmissionPolicies; more than ten rules are the same ones again under other names."""
    folder.mkdir(parents=True)
    with (folder / "policies.yaml").open("w", encoding="utf-8") as file:
        yaml.safe_dump_all(_list_policies(rules), file)


def _list_policies(rules: int) -> Iterator[Manifest]:
    resources = [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "resources": [*kinds[::2]]}
        for group, kinds in KINDS.items()
    ]
    for number in range(rules):
        rule = RULES[number % len(RULES)]
        name = f"bench-{rule.name}-{number}"
        yield _make(
            "ValidatingAdmissionPolicy",
            name,
            {
                "matchConstraints": {"resourceRules": resources},
                "variables": _variables(),
                "validations": [{"expression": rule.cel, "message": rule.name}],
            },
        )
        yield _make("ValidatingAdmissionPolicyBinding", name, {"policyName": name, "validationActions": ["Deny"]})


def _make(kind: str, name: str, spec: Manifest, version: str = "admissionregistration.k8s.io/v1") -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _variables() -> list[Manifest]:
    return [{"name": name, "expression": expression} for name, expression in CEL_VARIABLES.items()]


def write_templates(folder: Path) -> None:
    """Write Gatekeeper's templates, which take the same CEL, with a constraint of each."""
    folder.mkdir(parents=True)
    matches = [{"apiGroups": [group], "kinds": [*kinds[1::2]]} for group, kinds in KINDS.items()]
    for rule in RULES:
        kind = "Bench" + rule.name.title().replace("-", "")
        source = {"variables": _variables(), "validations": [{"expression": rule.cel, "message": rule.name}]}
        code = [{"engine": "K8sNativeValidation", "source": source}]
        spec = {
            "crd": {"spec": {"names": {"kind": kind}}},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "code": code}],
        }
        template = _make("ConstraintTemplate", kind.lower(), spec, "templates.gatekeeper.sh/v1")
        constraint = _make(kind, rule.name, {"match": {"kinds": matches}}, "constraints.gatekeeper.sh/v1beta1")
        (folder / f"{rule.name}.yaml").write_text(yaml.safe_dump_all([template, constraint]), encoding="utf-8")


def write_rego(folder: Path) -> None:
    """Write the rules as Rego, for conftest."""
    folder.mkdir(parents=True)
    denials = (f'\ndeny contains "{rule.name}" if {{\n  {rule.rego}\n}}\n' for rule in RULES)
    (folder / "rules.rego").write_text(REGO_VARIABLES + "".join(denials), encoding="utf-8")


def find_tenantry() -> str:
    """The command that this environment has."""
    found = shutil.which("tenantry")
    assert found is not None
    return found
