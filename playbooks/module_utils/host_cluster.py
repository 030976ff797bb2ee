"""What is observed of etcd and of Kubernetes' servers: by their processes, so what is in force. Reads only."""

import glob
import json
import os

from ansible.module_utils.host_files import command, owner_of, read
from ansible.module_utils.host_observing import AbsentError, UnansweredError

SERVERS = {
    "apiServer": "kube-apiserver",
    "controllerManager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}
CREDENTIALS = "/run/credentials/"
ADMINISTRATORS = ("/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf", "/root/.kube/config")
CERTIFICATES = (
    "tls-cert-file",
    "client-ca-file",
    "etcd-cafile",
    "etcd-certfile",
    "kubelet-certificate-authority",
    "kubelet-client-certificate",
    "requestheader-client-ca-file",
    "proxy-client-cert-file",
    "root-ca-file",
)
KEYS = (
    "tls-private-key-file",
    "etcd-keyfile",
    "kubelet-client-key",
    "proxy-client-key-file",
    "service-account-signing-key-file",
    "service-account-private-key-file",
)
OF_ETCD = {
    "etcdCertificate": ("cert-file", "trusted-ca-file", "peer-cert-file", "peer-trusted-ca-file"),
    "etcdKey": ("key-file", "peer-key-file"),
}


class Process:
    """A server that runs, with its flags, its unit, and where what systemd hands to it lies."""

    def __init__(self, name, pid, words):
        """Take its command line."""
        self.name, self.pid, self.flags = name, pid, to_flags(words)
        self.unit = command("ps", "-o", "unit=", "-p", pid)[1].strip()

    def units(self):
        """Give the unit and its drop-ins."""
        shown = properties(self.unit, "FragmentPath", "DropInPaths")
        return [path for name in ("FragmentPath", "DropInPaths") for path in shown.get(name, "").split()]

    def source(self, path):
        """Give where a file lies that systemd hands to the process as a copy of its own."""
        folder = f"{CREDENTIALS}{self.unit}/"
        if not path.startswith(folder):
            return path
        for line in self._unit_text().splitlines():
            key, _, value = line.partition("=")
            name, _, source = value.partition(":")
            if key == "LoadCredential" and name == path[len(folder) :]:
                return source
        raise UnansweredError(f"nothing tells where {path} comes from")

    def _unit_text(self):
        return "".join(read(path) or "" for path in self.units())


def properties(unit, *names):
    """Give properties of a unit."""
    words = [f"--property={name}" for name in names]
    lines = command("systemctl", "show", *words, unit)[1].splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def to_flags(words):
    """Give a command line's flags by name: what has no value is true, and the last of a name counts."""
    flags, name = {}, ""
    for word in words:
        if word.startswith("-"):
            name, given, value = word.lstrip("-").partition("=")
            flags[name] = value if given else True
            name = "" if given else name
        elif name:
            flags[name], name = word, ""
    return flags


def process(name):
    """Give a server that runs, by its name: of several the one that runs for longest."""
    for pid in sorted(filter(str.isdigit, os.listdir("/proc")), key=int):
        words = (read(f"/proc/{pid}/cmdline") or "").split("\0")[:-1]
        if words and os.path.basename(words[0]) == name:
            return Process(name, pid, words[1:])
    raise AbsentError(f"no {name} runs on the host")


def control_plane():
    """Give the flags of each server."""
    return {what: process(name).flags for what, name in SERVERS.items()}


def etcd():
    """Give etcd's settings: flags go before its environment."""
    found = process("etcd")
    pairs = (one.partition("=") for one in (read(f"/proc/{found.pid}/environ") or "").split("\0"))
    around = {name[5:].lower().replace("_", "-"): value for name, _, value in pairs if name.startswith("ETCD_")}
    return {**around, **found.flags}


def secrets_encryption():
    """Give what is encrypted and how, without any key."""
    path = process("kube-apiserver").flags.get("encryption-provider-config")
    if not path:
        raise AbsentError("kube-apiserver has no encryption-provider-config")
    try:
        document = json.loads(read(path) or "")
    except ValueError:
        raise UnansweredError(f"{path} isn't written as JSON, which is all that this collector reads") from None
    return [
        {"resources": rule["resources"], "providers": [name for one in rule["providers"] for name in one]}
        for rule in document["resources"]
    ]


def files():
    """Give the files that the security of what runs rests on, each with what it is for."""
    found = {}
    for name, look in {"etcd": of_etcd, **{name: of_server for name in SERVERS.values()}}.items():
        try:
            running = process(name)
        except AbsentError:
            continue
        for purpose, path in look(running):
            found[purpose, path] = stated(path, purpose)
    if not found:
        raise AbsentError(f"no etcd, {' or '.join(SERVERS.values())} runs on the host")
    administrators = [path for path in (*ADMINISTRATORS, *glob.glob("/home/*/.kube/config")) if os.path.exists(path)]
    return [*found.values(), *(stated(path, "adminKubeconfig") for path in administrators)]


def stated(path, purpose):
    """Say who may do what with a file."""
    mode, owner, group = owner_of(path)
    return {"path": path, "purpose": purpose, "mode": mode, "owner": owner, "group": group}


def of_etcd(running):
    """Give etcd's files."""
    yield from (("etcdUnit", path) for path in running.units())
    if "data-dir" in running.flags:
        yield "etcdData", running.flags["data-dir"]
    for purpose, names in OF_ETCD.items():
        for name in names:
            if name in running.flags:
                yield purpose, running.source(running.flags[name])


def of_server(running):
    """Give the files of one of Kubernetes' servers."""
    what = next(one for one, name in SERVERS.items() if name == running.name)
    yield from ((f"{what}Unit", path) for path in running.units())
    if "kubeconfig" in running.flags:
        yield f"{what}Kubeconfig", running.source(running.flags["kubeconfig"])
    for purpose, names in (("pkiCertificate", CERTIFICATES), ("pkiKey", KEYS)):
        for name in names:
            if running.flags.get(name):
                path = running.source(running.flags[name])
                yield purpose, path
                yield "pkiFolder", os.path.dirname(path)
