#!/usr/bin/python
"""Tells what an upgrade is decided by: versions, what isn't well, what waits for a boot. Changes nothing."""

DOCUMENTATION = r"""
module: host_upgrade
short_description: Look at a host before an upgrade, and wait until it is well after it
description:
  - C(looked) tells versions, what isn't well, and what waits for a boot.
  - C(well) waits until the host's services run in the versions that are wanted, and say that they are ready, and the
    members of etcd have their majority; else it fails, and says what isn't so.
options:
  state: {type: str, choices: [looked, well], required: true, description: What is done.}
  programs: {type: list, elements: str, required: true, description: The programs that the host runs.}
  wanted: {type: dict, default: {}, description: "The version that each of them is to have."}
  address: {type: str, required: true, description: The host's address.}
  virtual: {type: str, default: "", description: "The address that moves; none where there is none."}
  members: {type: list, elements: dict, default: [], description: "name and address of etcd's members."}
  pki: {type: str, required: true, description: Where certificates are.}
  wait: {type: int, default: 300, description: For how many seconds a host is waited for.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_upgrade:
    state: looked
    programs: [etcd]
    address: 10.20.0.17
    pki: /etc/tenantry/pki
"""
RETURN = r"""
upgrade: {description: "programs, ill and boot of the host.", type: dict, returned: looked}
"""

import glob
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, read
from ansible.module_utils.host_members import Members
from ansible.module_utils.host_programs import installed, running
from ansible.module_utils.host_ready import READY, says_ready
from ansible.module_utils.host_turn import take_turn

UNITS = "/etc/systemd/system"
WRITTEN = "# Written by tenantry"
BOOT = "/proc/sys/kernel/random/boot_id"
REQUIRED = "/run/reboot-required"
ETCD = "etcd"
PAUSE = 2


def look(asked):
    """Tell everything."""
    return {
        "programs": {name: {"installed": installed(name), "running": running(name)} for name in asked["programs"]},
        "ill": list(ill(asked, {name for name in asked["programs"] if installed(name)})),
        "boot": {"id": (read(BOOT) or "").strip(), "reasons": list(waits_for_boot())},
    }


def ill(asked, there):
    """Say what isn't well, each with what it is of and its state."""
    yield from ill_units()
    if ETCD in there:
        yield from ill_members(asked)
    for name in sorted(there & set(READY)):
        if not says_ready(name, asked["pki"], asked["address"], asked["virtual"]):
            yield {"key": name, "value": asked["address"], "what": "it doesn't say that it is ready"}


def ill_members(asked):
    """Say whether this host's member of etcd is silent, or its members have no majority."""
    talk = Members(asked["pki"])
    healthy = [one["address"] for one in asked["members"] if talk.is_healthy(one["address"])]
    if asked["address"] not in healthy:
        yield {"key": ETCD, "value": asked["address"], "what": "the member doesn't answer, or has no leader"}
    if len(healthy) <= len(asked["members"]) // 2:
        said = f"{len(healthy)} of {len(asked['members'])}"
        yield {"key": ETCD, "value": said, "what": "the members that are healthy are no majority"}


def ill_units():
    """Say which services of ours failed, or are enabled and don't run."""
    names = own_units()
    if not names:
        return
    asked = "--property=Id,Type,ActiveState,UnitFileState,Result"
    for text in command("systemctl", "show", asked, *names)[1].strip().split("\n\n"):
        seen = dict(line.partition("=")[::2] for line in text.splitlines())
        state = seen.get("ActiveState", "")
        once = seen.get("Type") == "oneshot" and state == "inactive" and seen.get("Result") == "success"
        if state == "failed" or (seen.get("UnitFileState") == "enabled" and state != "active" and not once):
            yield {"key": seen.get("Id", "unit"), "value": state, "what": "the service doesn't run"}


def own_units():
    """Name the services whose units we wrote, or added to."""
    paths = [*glob.glob(f"{UNITS}/*.service"), *glob.glob(f"{UNITS}/*.service.d/tenantry.conf")]
    written = [path for path in paths if not os.path.islink(path) and (read(path) or "").startswith(WRITTEN)]
    names = {path.split("/")[4].removesuffix(".d") for path in written}
    return sorted(name for name in names if "@" not in name)


def waits_for_boot():
    """Say what of the host is newer than what runs: its kernel, or the library that all programs use."""
    if os.path.exists(REQUIRED):
        yield f"{REQUIRED} is there"
    release = os.uname().release
    newest = max((path.partition("-")[2] for path in glob.glob("/boot/vmlinuz-*")), key=numbers, default=release)
    if numbers(newest) > numbers(release):
        yield f"the kernel {release} runs, and {newest} is installed"
    # Not /proc/version, which has the version of Debian's compiler, too.
    runs = re.search(r"Debian (\S+)", os.uname().version)
    shown = ("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Version}", f"linux-image-{release}")
    state, _, has = command(*shown)[1].partition(" ")
    if runs and state == "installed" and has != runs[1]:
        yield f"the kernel {runs[1]} runs, and {has} is installed"
    if any("/libc.so" in line and line.endswith("(deleted)") for line in (read("/proc/1/maps") or "").splitlines()):
        yield "the first process runs with an older libc"


def numbers(release):
    """Give a kernel's release as numbers, which tell the newer one."""
    return [int(part) for part in re.findall(r"\d+", release)]


def lacking(asked):
    """Say all that isn't as it is to be after an upgrade."""
    for name, version in asked["wanted"].items():
        has = running(name)
        if has != version:
            yield f"{name} runs in version {has or 'none'} instead of {version}"
    for one in ill(asked, set(asked["programs"])):
        yield f"{one['key']} {one['value']}: {one['what']}"


def wait(asked):
    """Wait until nothing lacks, and say what does at the end."""
    deadline = time.monotonic() + asked["wait"]
    while found := list(lacking(asked)):
        if time.monotonic() > deadline:
            return found
        time.sleep(PAUSE)
    return []


def main():
    """Look, or wait."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["looked", "well"], "required": True},
            "programs": {"type": "list", "elements": "str", "required": True},
            "wanted": {"type": "dict", "default": {}},
            "address": {"type": "str", "required": True},
            "virtual": {"type": "str", "default": ""},
            "members": {"type": "list", "elements": "dict", "default": []},
            "pki": {"type": "str", "required": True},
            "wait": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    asked = module.params
    if asked["state"] == "looked":
        module.exit_json(changed=False, upgrade=look(asked))
    if found := wait(asked):
        module.fail_json(msg=f"the host isn't well after {asked['wait']} s: {'; '.join(found)}")
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
