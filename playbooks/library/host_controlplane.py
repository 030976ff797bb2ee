#!/usr/bin/python
"""Brings a control-plane host to what is wanted: the servers of Kubernetes as services, and the address that moves."""

DOCUMENTATION = r"""
module: host_controlplane
short_description: Settle the servers of Kubernetes on a host
description:
  - Called by the action of the same name, which has the key that secrets are encrypted by.
  - Compares everything first, then changes what differs, restarts what was started with other files, and waits until it
    is ready. A host that serves isn't touched while another one that should doesn't.
  - C(judged) refuses an address or a router's number that somebody else has, and changes nothing.
options:
  state: {type: str, choices: [judged, settled], required: true, description: What is done.}
  address: {type: str, required: true, description: The host's address.}
  peers: {type: list, elements: dict, required: true, description: "name, address and mac of all of them."}
  serving: {type: list, elements: str, default: [], description: Hosts that had an API server when the run began.}
  virtual: {type: str, default: "", description: "The address that moves; none where there is none."}
  router: {type: int, default: 0, description: The number of its router.}
  folder: {type: str, required: true, description: Where the servers' files are.}
  pki: {type: str, required: true, description: Where certificates are.}
  services: {type: list, elements: dict, default: [], description: "name of each, and the paths it is restarted for."}
  files: {type: list, elements: dict, default: [], description: path and content of each file.}
  encryption: {type: str, default: "", description: What secrets are encrypted by; never shown.}
  digest: {type: str, default: "", description: The SHA-256 of it; none where it isn't made yet.}
  coming: {type: list, elements: str, default: [], description: Files that will have changed when it matters.}
  version: {type: str, default: "", description: "The version that is brought; none, where that isn't judged."}
  wait: {type: int, default: 180, description: For how many seconds a server is waited for.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_controlplane:
    state: judged
    address: 10.20.0.17
    peers: [{name: host-1, address: 10.20.0.17, mac: "52:54:00:12:34:56"}]
    folder: /etc/tenantry/controlplane
    pki: /etc/tenantry/pki
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
serves: {description: Whether the host has an API server., type: bool, returned: judged}
"""

import hashlib
import os
import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_addresses import holder, interface_of, router
from ansible.module_utils.host_files import command, read, reason
from ansible.module_utils.host_programs import installed, minor
from ansible.module_utils.host_ready import APISERVER, READY, says_ready
from ansible.module_utils.host_services import (
    CommandError,
    account_changes,
    file_changes,
    main_process,
    must,
    service_changes,
    write_files,
    write_started,
)
from ansible.module_utils.host_turn import take_turn

KEEPALIVED = "/etc/keepalived/keepalived.conf"
OF_DEBIAN = ("haproxy", "keepalived")


def refusals(asked):
    """Refuse another key than the one that secrets are encrypted by, and what somebody else has of the network."""
    path = f"{asked['folder']}/encryption.json"
    has = read(path)
    if has is not None and hashlib.sha256(has.encode()).hexdigest() != asked["digest"]:
        what = "secrets are encrypted by another key than the one of the site here, and none is overwritten"
        yield reason("encryption", path, what, "restore encryption.json in the site's folder of tenantry's state")
    yield from other_minor(asked["version"])
    if asked["virtual"]:
        yield from taken(asked)


def other_minor(version):
    """Refuse another minor version of Kubernetes than the one that is there: that way goes host by host, drained."""
    has = installed(APISERVER)
    if version and has and minor(has) != minor(version):
        what = f"ours is {version}, and another minor version is taken host by host, with its health looked at"
        yield reason(APISERVER, has, what, "run tenantry hosts upgrade")


def taken(asked):
    """Refuse an address, or a router's number, that is somebody else's."""
    has = read(KEEPALIVED) or ""
    # What this host takes part in already is its own, and isn't asked for on the wire again.
    if f" {asked['virtual']}/" in has and re.search(rf"virtual_router_id {asked['router']}\b", has):
        return
    interface = interface_of(asked["address"])
    if not interface:
        yield reason("address", asked["address"], "no interface has it", "correct the address in the inventory")
        return
    if ":" in asked["virtual"]:
        return
    mac = holder(asked["virtual"], interface)
    if mac and mac not in [one["mac"] for one in asked["peers"]]:
        what = f"the virtual address is in use, by {mac}"
        yield reason("virtualAddress", asked["virtual"], what, "choose one that nobody has, or take it from there")
    source = router(asked["router"], interface, [one["address"] for one in asked["peers"]])
    if source:
        what = f"another virtual router of this network has the number, at {source}"
        yield reason("controlplane_router_id", asked["router"], what, "choose another number, 1 to 255")


def others_first(asked):
    """Refuse to change a host that serves while another one that should doesn't: it could be the last one."""
    others = [one for one in asked["peers"] if one["name"] in asked["serving"] and one["address"] != asked["address"]]
    for one in others:
        if main_process(APISERVER) and not is_ready(asked, APISERVER, one["address"]):
            what = f"the API server of {one['name']} isn't ready, and this host's would be changed"
            fix = f"mend {one['name']} first, or run this again where it was just mended; --limit leaves it out"
            yield reason(APISERVER, one["address"], what, fix)


def files_of(asked):
    """Give the files as they are for this host."""
    interface = interface_of(asked["address"])
    files = [{**one, "content": one["content"].replace("@interface@", interface)} for one in asked["files"]]
    secret = {"path": f"{asked['folder']}/encryption.json", "content": asked["encryption"], "mode": "0600"}
    return [*files, secret]


def find_changes(asked):
    """Say all that differs; which files are to be written, and which services started anew."""
    files = file_changes(files_of(asked))
    coming = {one["path"]: one["content"] for _, one in files}
    own = [one["name"] for one in asked["services"] if one["name"] not in OF_DEBIAN]
    said, services = [text for text, _ in files] + account_changes(own), []
    for one in asked["services"]:
        found = list(service_changes(one["name"], one["files"], coming, asked["coming"]))
        said += found
        services += [one] if found else []
    return said, files, services


def settle(asked, files, services):
    """Change what differs, in the order in which the servers need each other."""
    write_files(files)
    # Debian's packages start theirs when they are installed, as we have nothing to say of it then.
    must("systemctl", "daemon-reload")
    for one in services:
        name = one["name"]
        write_started(name, one["files"])
        must("systemctl", "--quiet", "enable", name)
        if command("systemctl", "restart", name)[0] or not wait(asked, name):
            return unready(name)
    # A controller that lost its lease while its API server was away ends, and comes back by itself.
    return next((unready(one["name"]) for one in asked["services"] if not wait(asked, one["name"])), "")


def unready(name):
    """Say that a service doesn't get ready."""
    return f"{name} didn't get ready; journalctl -u {name} tells why"


def wait(asked, name):
    """Wait until a service is ready; say whether it came to that."""
    deadline = time.monotonic() + asked["wait"]
    while not is_ready(asked, name, asked["address"]):
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def is_ready(asked, name, address):
    """Say whether a service is ready: what can't be asked is as soon as it runs."""
    if name not in READY:
        return bool(main_process(name))
    return says_ready(name, asked["pki"], address, asked["virtual"])


def refuse(module, reasons):
    """End with all reasons to refuse the host, where there are any."""
    if refused := list(reasons):
        what = "; ".join(one["what"] for one in refused)
        module.fail_json(msg=f"the host is refused: {what}", refused=refused)


def main():
    """Judge or settle."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["judged", "settled"], "required": True},
            "address": {"type": "str", "required": True},
            "peers": {"type": "list", "elements": "dict", "required": True},
            "serving": {"type": "list", "elements": "str", "default": []},
            "virtual": {"type": "str", "default": ""},
            "router": {"type": "int", "default": 0},
            "folder": {"type": "str", "required": True},
            "pki": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "dict", "default": []},
            "files": {"type": "list", "elements": "dict", "default": []},
            "encryption": {"type": "str", "default": "", "no_log": True},
            "digest": {"type": "str", "default": ""},
            "coming": {"type": "list", "elements": "str", "default": []},
            "version": {"type": "str", "default": ""},
            "wait": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    asked, changes = module.params, []
    try:
        if asked["state"] == "judged":
            refuse(module, refusals(asked))
            module.exit_json(changed=False, changes=[], serves=os.path.exists(f"/etc/tenantry/{APISERVER}.started"))
        changes, files, services = find_changes(asked)
        refuse(module, others_first(asked) if services else ())
        if changes and not module.check_mode:
            failed = settle(asked, files, services)
            left = [] if failed else find_changes({**asked, "coming": []})[0]
            if failed or left:
                module.fail_json(msg=failed or f"changed, and still so: {'; '.join(left)}", changes=changes)
        module.exit_json(changed=bool(changes), changes=changes)
    except (OSError, CommandError) as error:
        module.fail_json(msg=str(error), changes=changes)


if __name__ == "__main__":
    main()
