#!/usr/bin/python
"""Puts programs in place and gives images to containerd, each by its digest, and only those that differ."""

DOCUMENTATION = r"""
module: host_artefacts
short_description: Bring programs and images of containers to what is wanted, by their digests
description:
  - Called by the action of the same name, which measures the files on the machine that Ansible runs on, refuses those
    that aren't what they are to be, and copies those that differ here.
  - Check mode compares by the same code, and stops there.
options:
  programs: {type: dict, default: {}, description: SHA-256 of each program that is to be in /usr/local/bin.}
  images:
    type: dict
    default: {}
    description:
      - digest of the manifest of each image that containerd is to have, and where its archive is kept beside, for a
        kubelet whose disk is nearly full throws out what no container runs.
  copied: {type: dict, default: {}, description: "Where the files of those that differ were copied to, by name."}
  digests: {type: dict, default: {}, description: SHA-256 of each of these files.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_artefacts:
    programs: {kubelet: 5d3c...}
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
needed: {description: Names of what differed., type: list, returned: always}
"""

import hashlib
import os
import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command

PROGRAMS = "/usr/local/bin"
CTR = ("ctr", "--namespace", "k8s.io", "images")


def digest(path):
    """Give a file's SHA-256; nothing where there is none."""
    try:
        with open(path, "rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def images():
    """Give the digest of each image that containerd has; none, where it isn't there."""
    try:
        code, said = command(*CTR, "list")
    except FileNotFoundError:
        return {}
    lines = (line.split() for line in said.splitlines()[1:]) if not code else ()
    return {words[0]: words[2] for words in lines if len(words) > 2}


def find_changes(asked):
    """Say what differs, by name."""
    now = {name: digest(f"{PROGRAMS}/{name}") for name in asked["programs"]}
    other = {name: "program" for name, right in asked["programs"].items() if now[name] != right}
    if asked["images"]:
        there = images()
        for name, right in asked["images"].items():
            now[name] = there.get(name)
            if now[name] != right["digest"] or digest(right["kept"]) != asked["digests"][name]:
                other[name] = "image"
    return {name: f"{kind} {name} {'differs' if now.get(name) else 'is missing'}" for name, kind in other.items()}


def put_file(source, path, mode):
    """Put a file in place in one step: a program that runs keeps the file that it was started from."""
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    new = f"{folder}/.{name}.new"
    shutil.copyfile(source, new)
    os.chmod(new, mode)
    with open(new, "rb") as copied:
        os.fsync(copied.fileno())
    os.replace(new, path)


def put(asked, name):
    """Put one in place; say what failed."""
    source = asked["copied"][name]
    if digest(source) != asked["digests"][name]:
        return f"{name} was copied, and isn't what was sent"
    if name in asked["programs"]:
        put_file(source, f"{PROGRAMS}/{name}", 0o755)
        return ""
    put_file(source, asked["images"][name]["kept"], 0o644)
    code, said = command(*CTR, "import", asked["images"][name]["kept"])
    return f"{name} can't be imported: {said.strip()}" if code else ""


def main():
    """Compare, then put in place what was copied."""
    module = AnsibleModule(
        argument_spec={name: {"type": "dict", "default": {}} for name in ("programs", "images", "copied", "digests")},
        supports_check_mode=True,
    )
    asked = module.params
    changes = find_changes(asked)
    said = list(changes.values())
    if asked["copied"] and not module.check_mode:
        for name in changes:
            if failed := put(asked, name):
                module.fail_json(msg=failed, changes=said)
        left = find_changes(asked)
        if left:
            module.fail_json(msg=f"changed, and still so: {'; '.join(left.values())}", changes=said)
    module.exit_json(changed=bool(changes), changes=said, needed=list(changes))


if __name__ == "__main__":
    main()
