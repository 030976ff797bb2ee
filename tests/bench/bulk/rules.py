"""Ten rules for pods, once for each tool that is compared: as CEL, and as Rego that says the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule; `cel` is true where it is kept, `rego` where it isn't."""

    name: str
    cel: str
    rego: str


KINDS = {
    "": ("pods", "Pod"),
    "apps": ("deployments", "Deployment", "statefulsets", "StatefulSet", "daemonsets", "DaemonSet"),
    "batch": ("jobs", "Job", "cronjobs", "CronJob"),
}
"""The kinds that have pods, by group: plural and kind in turn."""

CEL_VARIABLES = {
    "spec": "object.kind == 'Pod' ? object.spec : object.kind == 'CronJob' ? object.spec.jobTemplate.spec.template.spec"
    " : object.spec.template.spec",
    "containers": "variables.spec.containers + variables.spec.?initContainers.orValue([])",
}
REGO_VARIABLES = """package main

import rego.v1

spec := input.spec if input.kind == "Pod"
spec := input.spec.jobTemplate.spec.template.spec if input.kind == "CronJob"
spec := input.spec.template.spec if input.kind in {"Deployment", "StatefulSet", "DaemonSet", "Job"}
containers := array.concat(spec.containers, object.get(spec, "initContainers", []))
"""


def _each(name: str, cel: str, rego: str) -> Rule:
    return Rule(name, f"variables.containers.all(c, {cel})", f"some c in containers\n  {rego}")


RULES = (
    _each(
        "privileged",
        "!c.?securityContext.privileged.orValue(false)",
        "c.securityContext.privileged == true",
    ),
    _each(
        "escalation",
        "c.?securityContext.allowPrivilegeEscalation.orValue(true) == false",
        'object.get(c, ["securityContext", "allowPrivilegeEscalation"], true) != false',
    ),
    _each(
        "read-only",
        "c.?securityContext.readOnlyRootFilesystem.orValue(false)",
        'object.get(c, ["securityContext", "readOnlyRootFilesystem"], false) != true',
    ),
    _each(
        "capabilities",
        "c.?securityContext.capabilities.?add.orValue([]) == []",
        'object.get(c, ["securityContext", "capabilities", "add"], []) != []',
    ),
    _each(
        "digest",
        "c.image.matches('@sha256:[0-9a-f]{64}$')",
        'not regex.match("@sha256:[0-9a-f]{64}$", c.image)',
    ),
    _each(
        "memory",
        "c.?resources.limits.?memory.hasValue()",
        "not c.resources.limits.memory",
    ),
    Rule(
        "host-namespaces",
        "!variables.spec.?hostNetwork.orValue(false) && !variables.spec.?hostPID.orValue(false)"
        " && !variables.spec.?hostIPC.orValue(false)",
        'some key in ["hostNetwork", "hostPID", "hostIPC"]\n  spec[key] == true',
    ),
    Rule(
        "host-path",
        "variables.spec.?volumes.orValue([]).all(v, !has(v.hostPath))",
        "some v in spec.volumes\n  v.hostPath",
    ),
    Rule(
        "non-root",
        "variables.spec.?securityContext.runAsNonRoot.orValue(false) == true",
        'object.get(spec, ["securityContext", "runAsNonRoot"], false) != true',
    ),
    Rule(
        "seccomp",
        "variables.spec.?securityContext.seccompProfile.type.orValue('') == 'RuntimeDefault'",
        'object.get(spec, ["securityContext", "seccompProfile", "type"], "") != "RuntimeDefault"',
    ),
)
