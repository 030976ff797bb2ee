"""What an API server itself changes of a new pod once admission is done.

Source: pkg/registry/core/pod/strategy.go, pkg/apis/core/helper/qos and k8s.io/component-helpers/resource of Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tenantry.policy.cel.library.quantity import Quantity, add_quantities, parse_quantity
from tenantry.policy.documents.model import Manifest

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_LOCALHOST, _LONGEST_PROFILE = "localhost/", 4095
_PLAIN_PROFILES = {"unconfined": "Unconfined", "runtime/default": "RuntimeDefault"}
_OLD_ANNOTATIONS = tuple(
    f"pod.{stage}.kubernetes.io/init-container{kind}" for stage in ("alpha", "beta") for kind in ("s", "-statuses")
)
_COMPUTE, _HUGE = ("cpu", "memory"), "hugepages-"
_ZERO = parse_quantity("0")
_Amounts = dict[str, Quantity]


def settle_pod(pod: Manifest) -> None:
    """Change a new pod as the server does: old annotations, label keys of selectors, pod-level resources, status."""
    spec, metadata = pod["spec"], pod["metadata"]
    for key in _OLD_ANNOTATIONS:
        (metadata.get("annotations") or {}).pop(key, None)
    for selector, keys, operator in _find_label_keys(spec):
        labels = metadata.get("labels") or {}
        added = [{"key": key, "operator": operator, "values": [labels[key]]} for key in keys if key in labels]
        if added:
            selector["matchExpressions"] = [*selector.get("matchExpressions", ()), *added]
    _read_apparmor(pod)
    _fill_resources(spec)
    pod["status"] = {"phase": "Pending", "qosClass": choose_quality(spec)}
    if spec.get("schedulingGates"):
        waits = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "lastProbeTime": None}
        waits["message"] = "Scheduling is blocked due to non-empty scheduling gates"
        pod["status"]["conditions"] = [waits]


def iterate_containers(spec: Manifest) -> Iterator[Manifest]:
    """The containers of a pod that may ask for resources."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()


def _find_label_keys(spec: Manifest) -> Iterator[tuple[Manifest, Iterable[str], str]]:
    """The selectors that keys of the pod's own labels are added to, with the keys and an operator."""
    terms = list(spec.get("topologySpreadConstraints") or ())
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = (spec.get("affinity") or {}).get(kind) or {}
        preferred = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one["podAffinityTerm"] for one in preferred]
        terms += affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
    for term in terms:
        if "labelSelector" in term:
            yield term["labelSelector"], term.get("matchLabelKeys") or (), "In"
            yield term["labelSelector"], term.get("mismatchLabelKeys") or (), "NotIn"


def _read_apparmor(pod: Manifest) -> None:
    """Say in fields what the deprecated annotations say of containers."""
    spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
    if (spec.get("os") or {}).get("name") == "windows":
        return
    of_pod = (spec.get("securityContext") or {}).get("appArmorProfile")
    for container in (*iterate_containers(spec), *(spec.get("ephemeralContainers") or ())):
        profile = _read_profile(annotations.get(f"{_APPARMOR}{container.get('name', '')}", ""))
        context = container.get("securityContext") or {}
        if profile is not None and profile != of_pod and "appArmorProfile" not in context:
            container["securityContext"] = context | {"appArmorProfile": profile}


def _read_profile(annotation: str) -> Manifest | None:
    if annotation in _PLAIN_PROFILES:
        return {"type": _PLAIN_PROFILES[annotation]}
    name = annotation.removeprefix(_LOCALHOST)
    if name == annotation or not name or name != name.strip() or len(name.encode()) > _LONGEST_PROFILE:
        return None
    return {"type": "Localhost", "localhostProfile": name}


def _read_amounts(resources: Manifest, key: str) -> _Amounts:
    return {name: parse_quantity(value) for name, value in (resources.get(key) or {}).items()}


def _add(one: _Amounts, other: _Amounts) -> _Amounts:
    return one | {name: add_quantities(one[name], value) if name in one else value for name, value in other.items()}


def _take_greater(one: _Amounts, other: _Amounts) -> _Amounts:
    return one | {name: value for name, value in other.items() if name not in one or value.nano > one[name].nano}


def _sum_containers(spec: Manifest, key: str) -> _Amounts:
    """What a pod's containers ask for together, or may have: those that run at the same time, or one while starting."""
    whole: _Amounts = {}
    for container in spec.get("containers") or ():
        whole = _add(whole, _read_amounts(container["resources"], key))
    beside: _Amounts = {}
    starting: _Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _read_amounts(container["resources"], key)
        if container.get("restartPolicy") == "Always":
            whole, beside = _add(whole, own), _add(beside, own)
            starting = _take_greater(starting, beside)
        else:
            starting = _take_greater(starting, _add(own, beside))
    return _take_greater(whole, starting)


def _fill_resources(spec: Manifest) -> None:
    """Complete the resources of the pod as a whole, where it has some, from those of its containers."""
    resources = spec.get("resources") or {}
    if not resources.get("requests") and not resources.get("limits"):
        return
    summed = _sum_containers(spec, "limits")
    limits, requests = _read_amounts(resources, "limits"), _read_amounts(resources, "requests")
    huge = {name: value for name, value in summed.items() if name.startswith(_HUGE) and name not in requests}
    limits = huge | limits
    asked = {name: value for name, value in _sum_containers(spec, "requests").items() if name in _COMPUTE}
    requests = {name: value for name, value in limits.items() if _is_of_pods(name)} | asked | requests
    for name in [name for name in requests if _is_of_pods(name) and name not in limits]:
        if name in summed and all(name in (one["resources"].get("limits") or {}) for one in iterate_containers(spec)):
            limits[name] = max(requests[name], summed[name], key=lambda value: value.nano)
    for key, amounts in (("limits", limits), ("requests", requests)):
        if amounts:
            resources[key] = {name: str(value) for name, value in amounts.items()}


def _is_of_pods(name: str) -> bool:
    return name in _COMPUTE or name.startswith(_HUGE)


def choose_quality(spec: Manifest) -> str:
    """The class of service that requests and limits of CPU and memory make."""
    whole = spec.get("resources") or {}
    if whole.get("requests") or whole.get("limits"):
        return _rate(whole)
    found = {_rate(container["resources"]) for container in iterate_containers(spec)}
    return "Burstable" if len(found) > 1 else next(iter(found), "BestEffort")


def _rate(resources: Manifest) -> str:
    asked, most = _read_amounts(resources, "requests"), _read_amounts(resources, "limits")
    pairs = {(asked.get(name, _ZERO).nano, most.get(name, _ZERO).nano) for name in _COMPUTE}
    if all(pair == (0, 0) for pair in pairs):
        return "BestEffort"
    return "Guaranteed" if all(one == other and one for one, other in pairs) else "Burstable"
