"""What is observed of every host: each a function that gives a value, or raises why there is none. Reads only."""

import json
import os
import re
from datetime import UTC, datetime

from ansible.module_utils.host_files import NOT_FOUND, command, read

OF_ONE_DEVICE = re.compile(r"^net\.(ipv4|ipv6)\.(conf|neigh)\.(?!all\.|default\.)")
PRINTABLE = re.compile(r"^[^\x00-\x08\x0a-\x1f\x7f]{0,1024}$")
REAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "tmpfs")
OF_PODS = ("/var/lib/kubelet/", "/run/containerd/", "/run/netns/", "/run/credentials/")


class AbsentError(Exception):
    """It was looked for, and isn't on the host."""


class UnansweredError(Exception):
    """What would tell didn't answer."""


def said(*words):
    """Give what a command printed; it has to be there, and to succeed."""
    code, text = command(*words)
    if code == NOT_FOUND:
        raise AbsentError(f"{words[0]} isn't installed")
    if code:
        raise UnansweredError(f"{' '.join(words)}: {' '.join(text.split()) or code}")
    return text


def is_unit(unit, question):
    """Ask systemd whether a unit is active, or enabled."""
    wanted = "active" if question == "is-active" else "enabled"
    return command("systemctl", question, unit)[1].split()[:1] == [wanted]


def sysctl():
    """Give the kernel's settings; of those that each network device has, the ones for all and for new ones."""
    pairs = (line.partition(" = ")[::2] for line in said("sysctl", "-a").splitlines() if " = " in line)
    return {name: value for name, value in pairs if not OF_ONE_DEVICE.match(name) and PRINTABLE.match(value)}


def modules(names):
    """Give what becomes of each of these modules."""
    loaded = {line.split()[0] for line in (read("/proc/modules") or "").splitlines()}
    built = read(f"/lib/modules/{os.uname().release}/modules.builtin") or ""
    return {name: module_state(name, loaded, built) for name in names}


def module_state(name, loaded, built):
    """Say whether a module is in the kernel, or can come there."""
    if name in loaded:
        return "loaded"
    if re.search(rf"/{re.escape(name).replace('_', '[-_]')}\.ko$", built, re.MULTILINE):
        return "builtIn"
    code, text = command("modprobe", "--dry-run", "--verbose", name)
    if "install /bin/false" in text or "install /bin/true" in text:
        return "disabled"
    return "missing" if code else "loadable"


def sshd():
    """Give the effective settings of sshd; a keyword that is said several times has a list."""
    found = {}
    for line in said("/usr/sbin/sshd", "-T").splitlines():
        keyword, _, value = line.partition(" ")
        found.setdefault(keyword.lower(), []).append(value)
    return {keyword: values[0] if len(values) == 1 else values for keyword, values in found.items()}


def firewall():
    """Give what becomes of packets that no rule names, and the ports that rules let in."""
    listed = json.loads(said("nft", "--json", "list", "ruleset"))["nftables"]
    chains = [item["chain"] for item in listed if "chain" in item and "hook" in item["chain"]]
    inputs = {(one["family"], one["table"], one["name"]) for one in chains if one["hook"] == "input"}
    rules = [item["rule"] for item in listed if "rule" in item]
    allowed = {
        port
        for rule in rules
        if (rule["family"], rule["table"], rule["chain"]) in inputs
        for port in ports_of(rule["expr"])
    }
    return {
        "tool": "nftables",
        "active": bool(inputs),
        "onBoot": is_unit("nftables", "is-enabled"),
        "input": verdict(chains, "input"),
        "forward": verdict(chains, "forward"),
        "allowed": sorted(allowed),
    }


def verdict(chains, hook):
    """Give what a hook's chains make of other packets: to be dropped it takes one chain of each family."""
    dropping = {one["family"] for one in chains if one["hook"] == hook and one.get("policy") == "drop"}
    return "drop" if "inet" in dropping or {"ip", "ip6"} <= dropping else "accept"


def ports_of(expressions):
    """Give the ports that a rule accepts packets to."""
    if not any("accept" in one for one in expressions):
        return
    for one in expressions:
        field = one.get("match", {}).get("left", {})
        payload = field.get("payload", {}) if isinstance(field, dict) else {}
        if payload.get("field") == "dport":
            right = one["match"]["right"]
            for port in right["set"] if isinstance(right, dict) and "set" in right else [right]:
                text = "-".join(map(str, port["range"])) if isinstance(port, dict) else str(port)
                yield f"{text}/{payload['protocol']}"


def listening():
    """Give the sockets that wait for others."""
    found = []
    for line in said("ss", "--listening", "--numeric", "--processes", "--tcp", "--udp", "--no-header").splitlines():
        words = line.split()
        address, _, port = words[4].rpartition(":")
        process = re.search(r'\(\("([^"]+)"', line)
        one = {"address": address.strip("[]").replace("*", "::"), "port": int(port), "protocol": words[0]}
        found.append({**one, **({"process": process[1]} if process else {})})
    return found


def audit():
    """Give whether records are kept, and can't be switched off."""
    status = dict(line.split()[:2] for line in said("auditctl", "-s").splitlines() if len(line.split()) > 1)
    rules = [line for line in said("auditctl", "-l").splitlines() if line.startswith("-")]
    return {
        "running": is_unit("auditd", "is-active"),
        "onBoot": is_unit("auditd", "is-enabled"),
        "enabled": int(status["enabled"]),
        "rules": len(rules),
    }


def clock():
    """Give how far the clock is off its sources."""
    fields = said("chronyc", "-n", "-c", "tracking").strip().split(",")
    sources = [line.split(",") for line in said("chronyc", "-n", "-c", "sources").splitlines()]
    return {
        "synchronised": fields[13] == "Normal" and fields[0] != "00000000",
        "offsetSeconds": float(fields[4]),
        "sources": [one[2] for one in sources if one[1] in "*+-"],
    }


def devices():
    """Give what lsblk says of each block device, and of those that it lies on, by the path that the kernel gives it."""
    found = {}

    def walk(nodes, above):
        for node in nodes:
            chain = [*above, node]
            path = os.path.realpath(node["path"])
            found[path] = found.get(path, []) + chain
            walk(node.get("children", ()), chain)

    walk(json.loads(said("lsblk", "--json", "--output", "NAME,PATH,TYPE,FSTYPE"))["blockdevices"], [])
    return found


def mounts():
    """Give the file systems that are mounted, but those of pods."""
    below = devices()
    listed = json.loads(said("findmnt", "--json", "--list", "--output", "TARGET,SOURCE,FSTYPE,OPTIONS"))["filesystems"]
    return [
        {
            "path": one["target"],
            "fs": one["fstype"],
            "options": one["options"].split(","),
            "encrypted": any(node["type"] == "crypt" for node in below.get(device_of(one["source"]), ())),
        }
        for one in listed
        if one["fstype"] in REAL and not one["target"].startswith(OF_PODS)
    ]


def device_of(source):
    """Give the path that the kernel has for what is mounted, without the folder of it that is."""
    return os.path.realpath(source.partition("[")[0])


def disks(named):
    """Give the disks of the inventory, and how what is on them is encrypted."""
    below = devices()
    return [{"id": id_, "purpose": purpose, "encryption": encryption(id_, below)} for id_, purpose in named.items()]


def encryption(disk, below):
    """Say how a disk is encrypted, as a whole or in a partition."""
    path = os.path.realpath(disk)
    if path not in below:
        raise UnansweredError(f"there is no disk {disk}")
    locked = {node["path"] for chain in below.values() for node in chain if node["fstype"] == "crypto_LUKS"}
    own = [one for one in locked if any(device_of(node["path"]) == path for node in below[device_of(one)])]
    if not own:
        return "none"
    dumps = [said("cryptsetup", "luksDump", one) for one in own]
    return "luks2" if all(re.search(r"^Version:\s+2$", dump, re.MULTILINE) for dump in dumps) else "luks1"


def swap():
    """Give the devices and files that memory is written to."""
    return [line.split()[0] for line in (read("/proc/swaps") or "").splitlines()[1:]]


def accounts():
    """Give the accounts, and whether each has a password; never the password, nor its hash."""
    shadow = dict(line.split(":")[:2] for line in (read("/etc/shadow") or "").splitlines())
    lines = [line.split(":") for line in (read("/etc/passwd") or "").splitlines()]
    return [{"name": one[0], "uid": int(one[2]), "password": password(shadow.get(one[0], "*"))} for one in lines]


def password(hashed):
    """Say what kind of password an account has."""
    if not hashed:
        return "empty"
    return "locked" if hashed.startswith(("!", "*")) else "set"


def utc(seconds):
    """Give a time as facts have it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
