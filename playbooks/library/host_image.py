#!/usr/bin/python
"""Says whether containerd lacks an image, and gives it the archive that was brought, after its SHA-256 was checked."""

DOCUMENTATION = r"""
module: host_image
short_description: Give containerd an image without a registry
description:
  - Called by the action of the same name, which makes the image's archive and brings it where it lacks.
options:
  name: {type: str, required: true, description: "The image's whole name, with a tag."}
  digest: {type: str, required: true, description: "The digest of its manifest, sha256:..."}
  sha256: {type: str, required: true, description: The SHA-256 of its archive.}
  kept:
    type: str
    required: true
    description: Where the archive is kept, for a kubelet whose disk is nearly full throws out what no container runs.
  brought: {type: str, default: "", description: "Where the archive was copied to; empty: only look."}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_image:
    name: tenantry.dev/pause:1.37.2
    digest: sha256:9f86d081884c
    sha256: 60303ae22b99
    kept: /var/lib/tenantry/pause.tar
"""
RETURN = r"""
changes: {description: What lacks., type: list, returned: always}
"""

import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, file_digest
from ansible.module_utils.host_turn import take_turn

CTR = ("ctr", "--namespace", "k8s.io", "images")


def digest_of(name):
    """Give the digest of an image that containerd has; nothing where it hasn't, or isn't there itself."""
    code, said = command(*CTR, "list", f"name=={name}")
    lines = [line.split() for line in said.splitlines()[1:]] if not code else []
    return next((words[2] for words in lines if len(words) > 2), "")


def find_changes(asked):
    """Say what lacks."""
    now = digest_of(asked["name"])
    if now == asked["digest"] and file_digest(asked["kept"]) == asked["sha256"]:
        return []
    return [f"image {asked['name']} {'differs' if now else 'is missing'}"]


def put(asked):
    """Keep the archive in one step, and import it; say what failed."""
    if file_digest(asked["brought"]) != asked["sha256"]:
        return f"{asked['name']} was brought with another SHA-256 than {asked['sha256']}, and wasn't imported"
    os.makedirs(os.path.dirname(asked["kept"]), mode=0o755, exist_ok=True)
    coming = f"{asked['kept']}.coming"
    shutil.copyfile(asked["brought"], coming)
    os.chmod(coming, 0o644)
    os.replace(coming, asked["kept"])
    code, said = command(*CTR, "import", asked["kept"])
    if code or find_changes(asked):
        return f"{asked['name']} can't be imported: {said.strip()}"
    return ""


def main():
    """Look, or import."""
    module = AnsibleModule(
        argument_spec={
            **{name: {"type": "str", "required": True} for name in ("name", "digest", "sha256", "kept")},
            "brought": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    changes = find_changes(module.params)
    if module.params["brought"] and (failed := put(module.params)):
        module.fail_json(msg=failed, changes=changes)
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
