"""Settings of the roles that prepare hosts, held to the roles' own argument specifications before anything starts."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from tenantry.contract.model import DiskPurpose
from tenantry.contract.reading.document import Document, Path, shown
from tenantry.contract.reading.reader import read_file
from tenantry.data import playbook_dir
from tenantry.problems import Problem

_TYPES: Mapping[str, tuple[type, str]] = {
    "str": (str, "a text"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
    "list": (list, "a list"),
    "dict": (dict, "a map"),
}
_NODES = {"worker"}
# What only adds to the rules: others switch audit off, or keep records from being made at all.
_RULE = re.compile(r"(-w /\S+|-a (always|never),exit|-a exit,(always|never))( -[FSCpk] \S+)*")
_REMOTE = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?")
_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+")
_SYSTEM = re.compile(
    r"/(bin|boot|dev|etc|home|lib\d*|proc|root|run|sbin|sys|tmp|usr|var/tmp)(/.*)?|/var(/(lib|log|cache))?|/opt"
)
# By role; what audit keeps has a rule of its own.
_RANGES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "worker": {"worker_most_older": (0, 3), "worker_mtu": (1280, 9216), "worker_wait_seconds": (10, 3600)},
    "upgrade": {"upgrade_drain_seconds": (10, 86400), "upgrade_wait_seconds": (10, 3600)},
}
_KEPT = {"audit_file_mib": (1, 1 << 20), "audit_files": (2, 999), "audit_spare_mib": (2, 1 << 20)}

_Setter = tuple[str, list[str], Mapping[str, Any], Path]

Options = Mapping[str, Mapping[str, Any]]
"""A role's options by name, each as its argument specification has it."""


@cache
def role_options() -> Mapping[str, Options]:
    """Give what each role that prepares hosts can be told, by the role's name."""
    options: dict[str, Options] = {}
    for file in sorted(playbook_dir().glob("roles/*/meta/argument_specs.yml")):
        (document,), _ = read_file(file)
        options[file.parents[1].name] = document.data["argument_specs"]["main"]["options"]
    return options


def settable(role: str) -> list[str]:
    """Name the options of a role that an inventory may set: those that are the role's, by their prefix."""
    return [name for name in role_options()[role] if name.startswith(f"{role}_")]


@cache
def role_defaults(role: str) -> Mapping[str, Any]:
    """Give what a role does where nothing else is set."""
    (document,), _ = read_file(playbook_dir() / "roles" / role / "defaults" / "main.yml")
    return dict(document.data)


def judge_settings(document: Document) -> Iterator[Problem]:
    """Refuse settings that no role knows, or that aren't what it takes."""
    spec = document.spec
    yield from _judge(document, "all hosts", spec.get("settings", {}), ("spec", "settings"))
    for number, host in enumerate(spec["hosts"]):
        path = ("spec", "hosts", number, "settings")
        yield from _judge(document, host["name"], host.get("settings", {}), path)
    yield from _forwarding(document)
    yield from _allowed(document)
    yield from _recorded(document)
    yield from _stored(document)
    for role, ranges in _RANGES.items():
        yield from judge_ranges(document, role, "TEN-747", ranges)


def _judge(document: Document, owner: str, settings: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for role, values in settings.items():
        if role not in role_options():
            fix = _meant(role, list(role_options()))
            yield document.problem("TEN-710", f"{owner}: there is no role {role}", fix, (*path, role), key=True)
            continue
        for name, value in values.items():
            at = (*path, role, name)
            if name not in settable(role):
                what = f"{owner}: {role} has no setting {name}"
                yield document.problem("TEN-710", what, _meant(name, settable(role)), at, key=True)
            else:
                yield from _value(document, f"{owner}: {name}", value, role_options()[role][name], at)


def _value(document: Document, called: str, value: object, option: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    kind, wanted = _TYPES[option["type"]]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        what = f"{called} is {shown(value)}, which isn't {wanted}"
        yield document.problem("TEN-711", what, f"write {wanted}", path)
    elif "choices" in option and value not in option["choices"]:
        choices = ", ".join(map(str, option["choices"]))
        yield document.problem("TEN-711", f"{called} is {shown(value)}", f"choose one of {choices}", path)
    elif isinstance(value, list) and "elements" in option:
        for number, one in enumerate(value):
            yield from _value(document, called, one, {"type": option["elements"]}, (*path, number))


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, 1, 0.6)
    return f"write {close[0]}, if that was meant" if close else f"choose one of {', '.join(known)}"


def settings_of(document: Document, role: str, name: str) -> Iterator[tuple[str, list[str], object, Path]]:
    """Give every place that sets something, with whom it is for and what they are."""
    hosts = document.spec["hosts"]
    everyone = sorted({one for host in hosts for one in host["roles"]})
    places: list[_Setter] = [("all hosts", everyone, document.spec, ("spec",))]
    places += [(host["name"], host["roles"], host, ("spec", "hosts", n)) for n, host in enumerate(hosts)]
    for owner, roles, node, path in places:
        values = node.get("settings", {}).get(role, {})
        if name in values:
            yield owner, roles, values[name], (*path, "settings", role, name)


def in_force(document: Document, host: Mapping[str, Any], role: str, name: str) -> Any:  # noqa: ANN401
    """Give what a host is told: its own setting, else the site's, else the role's default."""
    for node in (host, document.spec):
        if name in node.get("settings", {}).get(role, {}):
            return node["settings"][role][name]
    return role_defaults(role)[name]


def judge_ranges(document: Document, role: str, code: str, ranges: Mapping[str, tuple[int, int]]) -> Iterator[Problem]:
    """Refuse numbers that a role's settings of these names can't be."""
    for name, (least, most) in ranges.items():
        for owner, _, value, path in settings_of(document, role, name):
            if isinstance(value, int) and not isinstance(value, bool) and not least <= value <= most:
                yield document.problem(code, f"{owner}: {name} is {value}", f"write {least} to {most}", path)


def _forwarding(document: Document) -> Iterator[Problem]:
    """Refuse to switch off what pods need: a node that forwards nothing is up, and its pods are alone."""
    for owner, roles, value, path in settings_of(document, "baseline", "baseline_sysctl"):
        setting = value.get("net.ipv4.ip_forward") if isinstance(value, dict) else None
        if setting is not None and str(setting) != "1" and _NODES & {*roles}:
            what = f"{owner}: net.ipv4.ip_forward is {shown(setting)}, and Kubernetes' nodes pass packets on"
            fix = "leave it out: each host's roles decide on it"
            yield document.problem("TEN-712", what, fix, (*path, "net.ipv4.ip_forward"))


def _allowed(document: Document) -> Iterator[Problem]:
    """Refuse a list of who may log in that leaves the account of the management out."""
    account = document.spec["management"]["account"]
    for owner, _, value, path in settings_of(document, "sshd", "sshd_allow_users"):
        if isinstance(value, list) and value and account not in value:
            what = f"{owner}: sshd_allow_users leaves out {account}, who manages the hosts"
            yield document.problem("TEN-713", what, f"add {account}", path)


def _recorded(document: Document) -> Iterator[Problem]:
    """Refuse what would make less of audit than its role does, or what auditd doesn't take."""
    for owner, _, value, path in settings_of(document, "audit", "audit_extra"):
        for number, rule in enumerate(value if isinstance(value, list) else ()):
            if isinstance(rule, str) and not _RULE.fullmatch(rule):
                what = f"{owner}: audit_extra has {shown(rule)}, which isn't a rule that adds to the others"
                fix = "write one as auditctl reads it: -w /srv -p wa -k srv, or -a always,exit -F ..."
                yield document.problem("TEN-740", what, fix, (*path, number))
    for owner, _, value, path in settings_of(document, "audit", "audit_remote"):
        if isinstance(value, str) and value and not (_REMOTE.fullmatch(value) and _is_port(value.partition(":")[2])):
            what = f"{owner}: audit_remote is {shown(value)}, which isn't a name or an address with its port"
            yield document.problem("TEN-741", what, "write log1.gov.example:60, or leave it out", path)
    yield from judge_ranges(document, "audit", "TEN-742", _KEPT)


def _stored(document: Document) -> Iterator[Problem]:
    """Refuse places that no volume can be mounted at, shares that none can have, and passphrases that aren't found."""
    purposes = [one.value for one in DiskPurpose if one is not DiskPurpose.SYSTEM]
    for owner, _, value, path in settings_of(document, "storage", "storage_paths"):
        places = value if isinstance(value, dict) else {}
        for purpose, where in places.items():
            called, at = f"{owner}: storage_paths.{purpose}", (*path, purpose)
            others = [other for name, other in places.items() if name != purpose and isinstance(other, str)]
            if purpose not in purposes:
                yield document.problem("TEN-751", f"{called} is no purpose", _meant(purpose, purposes), at, key=True)
            elif not isinstance(where, str) or not _PATH.fullmatch(where) or _SYSTEM.fullmatch(where):
                what = f"{called} is {shown(where)}, where no volume can be mounted"
                yield document.problem("TEN-751", what, "write one such as /srv/objects, of letters and digits", at)
            elif any(f"{where}/".startswith(f"{other}/") for other in others):
                what = f"{called} is {where}, which lies within another purpose's"
                yield document.problem("TEN-751", what, "choose places beside each other", at)
    yield from judge_ranges(document, "storage", "TEN-752", {"storage_percent": (1, 100)})
    for owner, _, value, path in settings_of(document, "storage", "storage_recovery_file"):
        if isinstance(value, str) and value and not value.startswith("/"):
            what = f"{owner}: storage_recovery_file is {shown(value)}, which depends on where tenantry is called"
            yield document.problem("TEN-753", what, "write its whole path, such as /media/safe/onprem", path)


def _is_port(text: str) -> bool:
    return not text or 0 < int(text) < 1 << 16
