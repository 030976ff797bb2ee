#!/usr/bin/python
"""Makes of a host an object store with S3 and IAM over TLS, and proves it by an object that is put and got."""

DOCUMENTATION = r"""
module: host_objectstore
short_description: Settle versitygw and its IAM on a volume of their own
description:
  - Compares everything first, and then changes what differs. Whatever differed, an object is put and got at last.
  - C(judged) refuses what the role can't prepare and changes nothing.
  - Check mode compares by the same code, and stops there.
options:
  state: {type: str, choices: [judged, settled], required: true, description: What is done.}
  site: {type: str, required: true, description: The site that the store is of.}
  volume: {type: str, required: true, description: Where the volume of its disks is mounted.}
  coming: {type: bool, default: false, description: Whether the volume is mounted before this comes to it.}
  folders: {type: list, elements: str, default: [], description: "Folders of its own, the outermost first."}
  account: {type: str, required: true, description: What it runs as.}
  services: {type: list, elements: dict, required: true, description: "name, port and files of each."}
  files: {type: list, elements: dict, default: [], description: "path and content of each file."}
  keys: {type: str, default: "", description: The file that its services have the administrator's keys from.}
  access: {type: str, default: "", description: The administrator's access key.}
  secret: {type: str, default: "", description: The administrator's secret key.}
  renewed: {type: list, elements: str, default: [], description: Files that will have changed when it is restarted.}
  ca: {type: str, default: "", description: The certificate of the authority that vouches for it.}
  region: {type: str, default: "", description: The region that requests are signed for.}
  wait: {type: int, default: 120, description: For how many seconds its answer is waited for.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_objectstore:
    state: judged
    site: onprem
    volume: /var/lib/tenantry/data
    account: versitygw
    services: [{name: versitygw-iam, port: 8444}, {name: versitygw, port: 8443}]
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
refused: {description: "key, value, what and fix of each reason.", type: list, returned: on refusal}
"""

import os
import secrets
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, reason
from ansible.module_utils.host_s3 import Store, StoreError
from ansible.module_utils.host_services import (
    CommandError,
    account_changes,
    file_changes,
    folder_change,
    main_process,
    make_folder,
    must,
    service_changes,
    write_files,
    write_started,
)
from ansible.module_utils.host_turn import take_turn

LOCAL = "127.0.0.1"


def judge(asked):
    """Give the reasons why the host can't become, or stay, an object store."""
    volume = asked["volume"]
    if not asked["coming"] and is_system(volume):
        what = "no disk of its own is mounted there, so objects would lie on the root file system"
        yield reason("volume", volume, what, "run the role storage before; or mount what was there")
    for one in asked["services"]:
        if not main_process(one["name"]) and (owner := listener(one["port"])):
            what = f"{owner} listens on the port of {one['name']}"
            yield reason("port", one["port"], what, "stop it, or choose another port")


def is_system(path):
    """Say whether what is put into a folder lies on the root file system."""
    return not os.path.ismount(path) or os.stat(path).st_dev == os.stat("/").st_dev


def listener(port):
    """Name what listens on a port; nothing where nothing does."""
    said = command("ss", "--no-header", "--listening", "--tcp", "--numeric", "--processes", f"sport = :{port}")[1]
    if not said.strip():
        return ""
    return said.partition('(("')[2].partition('"')[0] or "a process"


def keys_of(asked):
    """Give the file that services have the administrator's keys from, which root alone reads."""
    content = f"ROOT_ACCESS_KEY_ID={asked['access']}\nROOT_SECRET_ACCESS_KEY={asked['secret']}\n"
    return {"path": asked["keys"], "content": content, "mode": "0600"}


def find(asked):
    """Say all that differs, and which files are to be written."""
    files = file_changes([*asked["files"], keys_of(asked)])
    said = [text for text, _ in files] + account_changes([asked["account"]])
    said += [text for path in asked["folders"] if (text := folder_change(path, asked["account"]))]
    coming = {one["path"]: one["content"] for _, one in files}
    stale = {}
    for one in asked["services"]:
        stale[one["name"]] = list(service_changes(one["name"], one["files"], coming, asked["renewed"]))
    return said + [text for texts in stale.values() for text in texts], files, [name for name in stale if stale[name]]


def apply(asked, files, stale):
    """Change what differs; services start with what they need in place."""
    if is_system(asked["volume"]):
        raise CommandError(f"no disk of its own is mounted at {asked['volume']}")
    write_files(files)
    for path in asked["folders"]:
        if folder_change(path, asked["account"]):
            make_folder(path, asked["account"])
    for one in asked["services"]:
        if one["name"] in stale:
            write_started(one["name"], one["files"])
            must("systemctl", "enable", "--quiet", one["name"])
            must("systemctl", "restart", one["name"])


def prove(asked, site):
    """Wait until the store answers, then put and get an object."""
    iam, s3 = (f"https://{LOCAL}:{one['port']}" for one in asked["services"])
    store = Store(s3, iam, asked["ca"], asked["region"], (asked["access"], asked["secret"]))
    until = time.monotonic() + asked["wait"]
    while not store.lives():
        if time.monotonic() > until:
            store.refuse_plain()
            raise StoreError(f"it doesn't answer within {asked['wait']} s; look at journalctl --unit 'versitygw*'")
        time.sleep(0.5)
    store.probe(site, secrets.token_hex(16))


def settle(module):
    """Compare, and change what differs."""
    asked = module.params
    changes, files, stale = find(asked)
    if not module.check_mode:
        try:
            if changes:
                apply(asked, files, stale)
            prove(asked, asked["site"])
        except (OSError, CommandError, StoreError) as error:
            module.fail_json(msg=f"the object store isn't as asked: {error}", changes=changes)
    module.exit_json(changed=bool(changes), changes=changes)


def main():
    """Judge, or settle."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["judged", "settled"], "required": True},
            "site": {"type": "str", "required": True},
            "volume": {"type": "str", "required": True},
            "coming": {"type": "bool", "default": False},
            "folders": {"type": "list", "elements": "str", "default": []},
            "account": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "dict", "required": True},
            "files": {"type": "list", "elements": "dict", "default": []},
            "keys": {"type": "str", "default": "", "no_log": False},
            "access": {"type": "str", "default": "", "no_log": True},
            "secret": {"type": "str", "default": "", "no_log": True},
            "renewed": {"type": "list", "elements": "str", "default": []},
            "ca": {"type": "str", "default": ""},
            "region": {"type": "str", "default": ""},
            "wait": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    if module.params["state"] == "settled":
        settle(module)
    refused = list(judge(module.params))
    if refused:
        module.fail_json(msg="the host is refused: " + "; ".join(one["what"] for one in refused), refused=refused)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
