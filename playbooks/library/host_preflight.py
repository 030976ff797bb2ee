#!/usr/bin/python
"""Looks whether a host is what the roles after it can prepare, and says all that isn't. Changes nothing."""

DOCUMENTATION = r"""
module: host_preflight
short_description: Refuse a host that can't be prepared, before anything of it is changed
description:
  - Fails with all reasons at once, each with the key, the value and how to mend it, in C(refused).
options:
  systems: {type: list, elements: dict, required: true, description: "id and version of each that is supported."}
  packages: {type: list, elements: str, default: [], description: Packages that must be installed.}
  disks: {type: list, elements: str, default: [], description: Disks that must be there.}
  system_disk: {type: str, required: true, description: The disk that the root file system must be on.}
  sysctl: {type: list, elements: str, default: [], description: Kernel settings that the kernel must know.}
  load: {type: list, elements: str, default: [], description: Kernel modules that the running kernel must have.}
  free: {type: dict, default: {}, description: MiB that must be free, by path.}
  room: {type: dict, default: {}, description: "MiB that a folder must have room for, what it has included."}
  ports: {type: list, elements: dict, default: [], description: "interface and block of ports that it must have."}
  account: {type: str, required: true, description: The account that must be able to log in by a key.}
  now: {type: float, required: true, description: The time of who asks, in seconds.}
  most_skew: {type: int, default: 86400, description: By how many seconds the clock may be off.}
  storage: {type: dict, default: {}, description: What host_storage is asked for.}
  recovery: {type: str, default: "", description: The passphrase that host_storage is given.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look at the host
  host_preflight:
    systems: [{id: debian, version: "12"}]
    system_disk: /dev/disk/by-id/virtio-ROOT
    account: ops
    now: 1800000000
"""
RETURN = r"""
refused: {description: "key, value, what and fix of each reason.", type: list, returned: on failure}
"""

import glob
import ipaddress
import json
import os
import pwd
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, read, reason
from ansible.module_utils.host_storage_plan import plan, wanted_volumes
from ansible.module_utils.host_storage_seen import look
from ansible.module_utils.host_turn import take_turn


def system(wanted):
    """Refuse another distribution, on which the roles would do nothing, or the wrong thing."""
    lines = (read("/etc/os-release") or "").splitlines()
    facts = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    here = f"{facts.get('ID', 'unknown')} {facts.get('VERSION_ID', '')}".strip()
    known = [f"{one['id']} {one['version']}" for one in wanted]
    if here not in known:
        yield reason("os", here, "this system isn't supported", f"install {' or '.join(known)}")


def packages(wanted):
    """Refuse where a package that the roles configure isn't installed."""
    said = command("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n", *wanted)[1]
    there = {line.split()[1] for line in said.splitlines() if line.startswith("installed ")}
    for name in wanted:
        if name not in there:
            yield reason("package", name, "the package isn't installed", f"apt-get install {name}")


def disks(wanted, system_disk):
    """Refuse where a named disk isn't there, or the system isn't on the one that is named for it."""
    for disk in wanted:
        if not os.path.exists(disk):
            ids = sorted(one for one in glob.glob("/dev/disk/by-id/*") if "-part" not in one)
            there = ", ".join(os.path.basename(one) for one in ids) or "none"
            yield reason("disk", disk, f"there is no such disk; by-id has {there}", "correct it in the inventory")
    if os.path.exists(system_disk):
        root = command("findmnt", "--noheadings", "--output", "SOURCE", "/")[1].strip()
        below = command("lsblk", "--noheadings", "--inverse", "--list", "--output", "NAME", root)[1].split()
        if os.path.basename(os.path.realpath(system_disk)) not in below:
            yield reason("disk", system_disk, f"the system isn't on it, but on {root}", "name that disk as system")


def storage(asked, recovery):
    """Refuse disks that can't become, or stay, what the inventory says. Those that aren't there are told already."""
    volumes = [one for one in wanted_volumes(asked) if all(os.path.exists(disk["id"]) for disk in one["disks"])]
    seen, groups = look(volumes, recovery)
    yield from plan(volumes, seen, groups, bool(recovery))[0]


def kernel(sysctl, load):
    """Refuse settings that the kernel doesn't know, and modules that it hasn't."""
    coming = {"net.bridge.": "br_netfilter", "net.netfilter.": "nf_conntrack"}
    for name in sysctl:
        brought = any(name.startswith(prefix) and module in load for prefix, module in coming.items())
        if not brought and not os.path.exists("/proc/sys/" + name.translate(str.maketrans("./", "/."))):
            yield reason("sysctl", name, "the kernel has no such setting", "correct its name, or remove it")
    for name in load:
        if command("modprobe", "--dry-run", "--quiet", name)[0]:
            what = f"the running kernel {os.uname().release} has no such module"
            yield reason("module", name, what, "boot a kernel that has it, or remove it")


def space(wanted):
    """Refuse where there is too little room."""
    for path, least in wanted.items():
        seen = os.statvfs(path)
        free = seen.f_bavail * seen.f_frsize >> 20
        if free < int(least):
            yield reason(path, f"{free} MiB", f"{least} MiB must be free", "free some, or take a larger disk")


def room(wanted):
    """Refuse where a disk is too small for what a folder is to hold, what it holds already included."""
    for path, least in wanted.items():
        there = path
        while not os.path.exists(there):
            there = os.path.dirname(there)
        seen = os.statvfs(there)
        files = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
        has = (seen.f_bavail * seen.f_frsize + sum(os.lstat(file).st_blocks * 512 for file in files)) >> 20
        if has < int(least):
            what = f"its disk is too small: {least} MiB are to find room there"
            yield reason(path, f"{has} MiB", what, "take a larger disk, or keep less there by the role's settings")


def ports(wanted):
    """Refuse where a port isn't there, or isn't in the network that it is named for."""
    if not wanted:
        return
    found = json.loads(command("ip", "-json", "-4", "address", "show")[1] or "[]")
    has = {one["ifname"]: [entry["local"] for entry in one.get("addr_info", ())] for one in found}
    for one in wanted:
        name, block = one["interface"], ipaddress.ip_network(one["block"])
        fix = "correct provision.ranges, or give the port an address there"
        if name not in has:
            yield reason("port", name, f"there is no such port, but {', '.join(sorted(has))}", fix)
        elif not any(ipaddress.ip_address(address) in block for address in has[name]):
            there = ", ".join(has[name]) or "none"
            yield reason("port", name, f"it has no address in {block}, but {there}", fix)


def clock(now, most):
    """Refuse a clock that is so far off that certificates wouldn't be valid."""
    off = round(time.time() - now)
    if abs(off) > most:
        yield reason(
            "clock", f"{off} s", f"the clock is more than {most} s off", "set it: date --set, hwclock --systohc"
        )


def login(account):
    """Refuse where nobody could log in once passwords are off."""
    try:
        home = pwd.getpwnam(account).pw_dir
    except KeyError:
        yield reason("account", account, "there is no such account", "make it, or correct management.account")
        return
    keys = [line for line in (read(f"{home}/.ssh/authorized_keys") or "").splitlines() if line and line[0] != "#"]
    if not keys:
        yield reason("account", account, "it has no key to log in by", f"put one into {home}/.ssh/authorized_keys")


def main():
    """Gather all reasons."""
    module = AnsibleModule(
        argument_spec={
            "systems": {"type": "list", "elements": "dict", "required": True},
            "packages": {"type": "list", "elements": "str", "default": []},
            "disks": {"type": "list", "elements": "str", "default": []},
            "system_disk": {"type": "str", "required": True},
            "sysctl": {"type": "list", "elements": "str", "default": []},
            "load": {"type": "list", "elements": "str", "default": []},
            "free": {"type": "dict", "default": {}},
            "room": {"type": "dict", "default": {}},
            "ports": {"type": "list", "elements": "dict", "default": []},
            "account": {"type": "str", "required": True},
            "now": {"type": "float", "required": True},
            "most_skew": {"type": "int", "default": 86400},
            "storage": {"type": "dict", "default": {}},
            "recovery": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    asked = module.params
    refused = list(system(asked["systems"]))
    # On another system the rest would mean little.
    if not refused:
        lacking = list(packages(asked["packages"]))
        refused += lacking
        refused += disks(asked["disks"], asked["system_disk"])
        # What would look at them may be what lacks.
        refused += [] if lacking else storage(asked["storage"], asked["recovery"])
        refused += kernel(asked["sysctl"], asked["load"])
        refused += space(asked["free"])
        refused += room(asked["room"])
        refused += ports(asked["ports"])
        refused += clock(asked["now"], asked["most_skew"])
        refused += login(asked["account"])
    if refused:
        module.fail_json(msg="the host is refused: " + "; ".join(one["what"] for one in refused), refused=refused)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
