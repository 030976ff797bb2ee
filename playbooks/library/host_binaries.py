#!/usr/bin/python
"""Says which binaries a host lacks, and puts those in place that were brought, after their SHA-256 was checked."""

DOCUMENTATION = r"""
module: host_binaries
short_description: Put binaries in place that are what their SHA-256 says
description:
  - Called by the action of the same name, which brings what lacks.
options:
  binaries: {type: list, elements: dict, required: true, description: "name, version, sha256 and path of each."}
  brought: {type: dict, default: {}, description: Where those lie that were brought, by path.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_binaries:
    binaries: [{name: etcd, version: 3.6.5, sha256: 9f86d081884c, path: /usr/local/lib/tenantry/etcd-9f86d081884c}]
"""
RETURN = r"""
changes: {description: What lacks., type: list, returned: always}
lacking: {description: The paths of it., type: list, returned: always}
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import file_digest
from ansible.module_utils.host_turn import take_turn


def is_fit(one):
    """Say whether a binary is there, is what it should be, and everybody may run it and nobody but root change it."""
    if file_digest(one["path"]) != one["sha256"]:
        return False
    seen = os.stat(one["path"])
    return (seen.st_uid, seen.st_gid, seen.st_mode & 0o7777) == (0, 0, 0o755)


def put(one, source):
    """Put a binary in place in one step, on the file system it is for, after it was found to be the right one."""
    os.makedirs(os.path.dirname(one["path"]), mode=0o755, exist_ok=True)
    coming = f"{one['path']}.coming"
    try:
        shutil.copyfile(source, coming)
        if file_digest(coming) != one["sha256"]:
            return f"{one['name']} came with another SHA-256 than {one['sha256']}, and wasn't put in place"
        os.chmod(coming, 0o755)
        os.chown(coming, 0, 0)
        os.replace(coming, one["path"])
    finally:
        if os.path.exists(coming):
            os.unlink(coming)
    return ""


def main():
    """Look, or put in place."""
    module = AnsibleModule(
        argument_spec={
            "binaries": {"type": "list", "elements": "dict", "required": True},
            "brought": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    by_path = {one["path"]: one for one in module.params["binaries"]}
    lacking = [path for path, one in by_path.items() if not is_fit(one)]
    changes = [f"binary {by_path[path]['name']} {by_path[path]['version']} is missing" for path in lacking]
    try:
        for path, source in module.params["brought"].items():
            if failed := put(by_path[path], source):
                module.fail_json(msg=failed)
    except OSError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, changes=changes, lacking=lacking)


if __name__ == "__main__":
    main()
