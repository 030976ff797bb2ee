#!/usr/bin/python
"""Reads a machine by its management controller, and changes its power and what it boots from once."""

DOCUMENTATION = r"""
module: host_bmc
short_description: Read a machine by Redfish; change its power and what it boots from once
description:
  - Runs where Ansible runs, and needs urllib3 there. The machine is the one with the serial number, or none.
  - What is changed is read until it is so, or the time is over. Check mode compares by the same code, and stops there.
  - Refuses with C(refused), and with C(look) does nothing else, so that all hosts can be refused before any is changed.
options:
  name: {type: str, required: true, description: The host's name.}
  serial: {type: str, required: true, description: Its serial number.}
  mac: {type: str, required: true, description: The MAC address of the port that it boots from.}
  address: {type: str, default: "", description: The controller's address; none where there is no controller.}
  port: {type: int, default: 443, description: Its port.}
  fingerprint: {type: str, default: "", description: The SHA-256 of its certificate; with none, a CA decides.}
  verified: {type: bool, default: true, description: Whether it has to prove itself.}
  credentials: {type: path, required: true, description: A file with whom it lets in; never what is in it.}
  power: {type: str, default: "", choices: ["", "on", "off", restart], description: What is asked of its power.}
  boot: {type: str, default: "", choices: ["", pxe, hdd, cd], description: What it is to boot from once.}
  look: {type: bool, default: false, description: Whether nothing is to be changed.}
  forced: {type: bool, default: false, description: Whether the power may be taken from a live member.}
  live: {type: list, elements: dict, default: [], description: "address, port and what of what answers if it is one."}
  member: {type: str, default: "", description: What the host is a member of that needs it.}
  graceful: {type: int, default: 120, description: For how many seconds a system may shut itself down.}
  wait: {type: int, default: 60, description: For how many seconds a change is waited for.}
  interval: {type: float, default: 1, description: How many seconds pass between two looks.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Have a machine boot from the network, once
  host_bmc:
    name: host-1
    serial: CZJ1400QX7
    mac: 52:54:00:12:34:56
    address: 10.20.255.11
    credentials: /home/ops/.local/state/tenantry/connections/onprem.bmc.ini
    boot: pxe
    power: "on"
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
notes: {description: What somebody should know., type: list, returned: always}
bmc: {description: "What the machine is: power, boot, serial, model, maker and macs.", type: dict, returned: always}
refused: {description: "key, value, what and fix of each reason.", type: list, returned: on failure}
"""

import socket
from contextlib import suppress

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from ansible.module_utils.host_redfish import (
        BmcError,
        Redfish,
        RefusedError,
        Settling,
        boots_from,
        find_changes,
        find_system,
        read_login,
        read_macs,
        refuse_unable,
        serial_of,
        takes_power,
    )
except ImportError:
    HAS_URLLIB3 = False
else:
    HAS_URLLIB3 = True

ANSWERS_SECONDS = 3


def refuse_live(asked):
    """Refuse to take the power from a host that others may be using, unless the operator names it."""
    fix = f"drain it first; --force {asked['name']} takes its power all the same"
    for one in asked["live"]:
        with suppress(OSError), socket.create_connection((one["address"], int(one["port"])), ANSWERS_SECONDS):
            what = f"the host is alive: {one['what']} answers at {one['address']}:{one['port']}"
            raise RefusedError("power", asked["power"], what, fix)
    if asked["member"]:
        what = f"the host is on, and a member of {asked['member']}; that it doesn't answer here says nothing"
        raise RefusedError("power", asked["power"], what, fix)


def shown(bmc, system):
    """Give what the machine is, as people look for it."""
    target, often = boots_from(system)
    return {
        "power": system.get("PowerState") or "unknown",
        "boot": "" if target == "None" else f"{target}, {often.lower()}",
        "serial": serial_of(system),
        "model": str(system.get("Model") or "").strip(),
        "maker": str(system.get("Manufacturer") or "").strip(),
        "macs": read_macs(bmc, system),
    }


def notes_of(asked, found):
    """Tell what isn't refused, and somebody should know."""
    if not asked["verified"] and not asked["fingerprint"]:
        yield "the certificate of its BMC isn't verified, as the inventory asks"
    if found["macs"] and asked["mac"] not in found["macs"]:
        yield f"it has no port with the MAC {asked['mac']}, but {', '.join(found['macs'])}"


def settle(asked, bmc, path, changes):
    """Make each change, and read until it is so."""
    machine = Settling(bmc, path, graceful=asked["graceful"], wait=asked["wait"], interval=asked["interval"])
    for kind, _ in changes:
        if kind == "boot":
            machine.boot(asked["boot"])
        else:
            getattr(machine, kind)()


def work(module, asked):
    """Look, refuse, change, and look again."""
    if not asked["address"]:
        what = "the inventory names no BMC of this host"
        raise RefusedError("bmc", asked["name"], what, "add bmc.address to the host, or leave it out by --limit")
    login = read_login(asked["credentials"], asked["name"])
    module.no_log_values.add(login["password"])
    trust = {"fingerprint": asked["fingerprint"], "verified": asked["verified"]}
    bmc = Redfish(asked["address"], asked["port"], login, **trust)
    path = find_system(bmc, asked["serial"])
    system = bmc.get(path)[0]
    refuse_unable(system, asked["boot"])
    if takes_power(system, asked["power"]) and not asked["forced"]:
        refuse_live(asked)
    changes = find_changes(system, asked["power"], asked["boot"])
    said = [text for _, text in changes]
    if changes and not asked["look"] and not module.check_mode:
        try:
            settle(asked, bmc, path, changes)
        except BmcError as error:
            module.fail_json(msg=str(error), fix=error.fix, changes=said)
        system = bmc.get(path)[0]
    found = shown(bmc, system)
    if asked["look"] and (asked["power"] or asked["boot"]):
        # The task that changes says it.
        module.exit_json(changed=False, bmc=found)
    module.exit_json(changed=bool(said), changes=said, notes=list(notes_of(asked, found)), bmc=found)


def main():
    """Read and change one machine."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "serial": {"type": "str", "required": True},
            "mac": {"type": "str", "required": True},
            "address": {"type": "str", "default": ""},
            "port": {"type": "int", "default": 443},
            "fingerprint": {"type": "str", "default": ""},
            "verified": {"type": "bool", "default": True},
            "credentials": {"type": "path", "required": True},
            "power": {"type": "str", "default": "", "choices": ["", "on", "off", "restart"]},
            "boot": {"type": "str", "default": "", "choices": ["", "pxe", "hdd", "cd"]},
            "look": {"type": "bool", "default": False},
            "forced": {"type": "bool", "default": False},
            "live": {"type": "list", "elements": "dict", "default": []},
            "member": {"type": "str", "default": ""},
            "graceful": {"type": "int", "default": 120},
            "wait": {"type": "int", "default": 60},
            "interval": {"type": "float", "default": 1.0},
        },
        supports_check_mode=True,
    )
    if not HAS_URLLIB3:
        module.fail_json(msg=missing_required_lib("urllib3"))
    try:
        work(module, module.params)
    except RefusedError as error:
        module.fail_json(msg=f"the machine is refused: {error}", refused=[error.reason])
    except BmcError as error:
        module.fail_json(msg=str(error), fix=error.fix)


if __name__ == "__main__":
    main()
