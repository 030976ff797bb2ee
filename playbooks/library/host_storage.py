#!/usr/bin/python
"""Makes of a host's disks one encrypted volume a purpose, mounted; destroys nothing that its inventory doesn't name."""

DOCUMENTATION = r"""
module: host_storage
short_description: Encrypt disks with LUKS2, and mount an XFS of each purpose's disks
description:
  - Looks at all disks first, refuses with all reasons at once in C(refused), and then changes what differs.
  - What a run that was killed left behind is finished. Check mode looks by the same code, and stops there.
options:
  volumes: {type: list, elements: dict, required: true, description: "purpose, path and options of each volume."}
  paths: {type: dict, default: {}, description: "Other paths, by purpose."}
  percent: {type: int, default: 100, description: How much of its disks a volume takes.}
  disks: {type: list, elements: dict, required: true, description: "id, purpose, serial and wipe of each disk."}
  recovery: {type: str, default: "", description: A passphrase that opens the disks besides the host's own keys.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Settle
  host_storage:
    volumes: [{purpose: data, path: /srv, options: nodev}]
    disks: [{id: /dev/disk/by-id/virtio-DATA, purpose: data}]
    recovery: "{{ lookup('ansible.builtin.file', '/media/safe/onprem') }}"
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
refused: {description: "key, value, what and fix of each reason.", type: list, returned: on refusal}
"""

import os
import secrets

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_disks import SUBSYSTEM, group_name, is_ours, label, mapping
from ansible.module_utils.host_files import command, put, put_line
from ansible.module_utils.host_storage_plan import plan, wanted_volumes
from ansible.module_utils.host_storage_seen import (
    CRYPTTAB,
    FSTAB,
    KEYS,
    crypttab_line,
    file_system,
    fstab_line,
    key_path,
    look,
    look_at_groups,
    look_at_header,
    new_uuid,
    nodes_of,
    said,
    serial_of,
)
from ansible.module_utils.host_turn import take_turn

CIPHER = ("--cipher", "aes-xts-plain64", "--key-size", "512", "--hash", "sha256")
# The host's key is 512 random bits, which nobody guesses: no work is to be added to each boot.
UNSTRETCHED = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
FINISHED = '{"type": "tenantry", "keyslots": []}'


class Work:
    """Takes steps, in their order; each looks again at what it needs, and is content with what is done already."""

    def __init__(self, volumes, passphrase):
        self.passphrase = passphrase
        self.by_purpose = {want["purpose"]: want for want in volumes}
        self.by_disk = {one["id"]: want for want in volumes for one in want["disks"]}

    def uuid(self, disk):
        """Give the id in a disk's header, or the one that it gets."""
        header = look_at_header(disk)
        return header.uuid if is_ours(header) else new_uuid(disk, serial_of(nodes_of(disk)))

    def mapped(self, disk):
        """Give where an opened disk is."""
        return f"/dev/mapper/{mapping(self.uuid(disk))}"

    def wipe(self, disk):
        """Remove what tells of the disk's content, and of its partitions'."""
        parts = said("lsblk", "--noheadings", "--list", "--paths", "--output", "NAME", disk).split()[1:]
        for one in [*parts, disk]:
            said("wipefs", "--all", "--force", one)
        with open(disk, "r+b") as out:
            out.write(bytes(1 << 20))
            out.flush()
            os.fsync(out.fileno())
        command("blockdev", "--rereadpt", disk)
        said("udevadm", "settle")

    def make_key(self, id_):
        """Make the host's key for a disk, where it hasn't one; it never leaves the host."""
        os.makedirs(KEYS, mode=0o700, exist_ok=True)
        if not os.path.exists(key_path(id_)):
            put(key_path(id_), secrets.token_urlsafe(64), 0o400)
        return key_path(id_)

    def encrypt(self, disk):
        """Write a header of LUKS2 that says whose it is, with the host's own key for its first."""
        id_ = new_uuid(disk, serial_of(nodes_of(disk)))
        key = self.make_key(id_)
        named = ("--uuid", id_, "--label", label(self.by_disk[disk]["purpose"]), "--subsystem", SUBSYSTEM)
        flags = ("--batch-mode", "--type", "luks2", "--key-slot", "0", "--key-file", key)
        said("cryptsetup", "luksFormat", *flags, *named, *CIPHER, *UNSTRETCHED, disk)
        said("udevadm", "settle")

    def key(self, disk):
        """Give a disk that the recovery passphrase opens a key of this host, in the place of one that is lost."""
        id_ = self.uuid(disk)
        key = self.make_key(id_)
        flags = ("--batch-mode", "--key-file", "-")
        if 0 in look_at_header(disk).slots:
            said("cryptsetup", "luksKillSlot", *flags, disk, "0", stdin=self.passphrase)
        said("cryptsetup", "luksAddKey", *flags, "--new-key-slot", "0", *UNSTRETCHED, disk, key, stdin=self.passphrase)

    def rights(self, disk):
        """Leave a key to root alone."""
        key = key_path(self.uuid(disk))
        os.chown(key, 0, 0)
        os.chmod(key, 0o400)

    def recovery(self, disk):
        """Have the recovery passphrase open a disk, too."""
        flags = ("--batch-mode", "--new-key-slot", "1", "--key-file", key_path(self.uuid(disk)))
        said("cryptsetup", "luksAddKey", *flags, disk, "-", stdin=self.passphrase)

    def crypttab(self, disk):
        """Have a boot open a disk."""
        put_line(CRYPTTAB, 0, crypttab_line(self.uuid(disk)))
        said("systemctl", "daemon-reload")

    def open(self, disk):
        """Open a disk by the host's key."""
        id_ = self.uuid(disk)
        if not os.path.exists(f"/dev/mapper/{mapping(id_)}"):
            said("cryptsetup", "open", "--key-slot", "0", "--key-file", key_path(id_), disk, mapping(id_))
        said("udevadm", "settle")

    def group(self, purpose):
        """Make the volume group of a purpose's disks."""
        if group_name(purpose) not in look_at_groups():
            disks = [self.mapped(one["id"]) for one in self.by_purpose[purpose]["disks"]]
            said("vgcreate", "--yes", group_name(purpose), *disks)

    def extend(self, disk):
        """Add a disk to its purpose's volume group."""
        name = group_name(self.by_disk[disk]["purpose"])
        if os.path.basename(self.mapped(disk)) not in look_at_groups()[name]["members"]:
            said("vgextend", "--yes", name, self.mapped(disk))

    def extents(self, purpose):
        """Give how many extents a volume is to have."""
        whole = int(look_at_groups()[group_name(purpose)]["vg_extent_count"])
        return str(whole * int(self.by_purpose[purpose]["percent"]) // 100)

    def volume(self, purpose):
        """Make a purpose's volume."""
        name = group_name(purpose)
        if not look_at_groups()[name]["size"]:
            flags = ("--yes", "--wipesignatures", "y", "--name", "volume")
            said("lvcreate", *flags, "--extents", self.extents(purpose), name)
        self.activate(purpose)

    def activate(self, purpose):
        """Give a volume its device."""
        said("lvchange", "--activate", "y", f"{group_name(purpose)}/volume")
        said("udevadm", "settle")

    def filesystem(self, purpose):
        """Make a file system on a volume that never was finished, unless a run that was killed came so far."""
        device = f"/dev/{group_name(purpose)}/volume"
        if file_system(device)[0] != "xfs":
            said("mkfs.xfs", "-q", "-f", device)

    def fstab(self, purpose):
        """Have a boot mount a volume."""
        self.activate(purpose)
        _, id_ = file_system(f"/dev/{group_name(purpose)}/volume")
        put_line(FSTAB, 1, fstab_line(id_, self.by_purpose[purpose]))
        said("systemctl", "daemon-reload")

    def mount(self, purpose):
        """Mount a volume; what it isn't mounted on takes no files, so that no service begins anew there."""
        path = self.by_purpose[purpose]["path"]
        self.activate(purpose)
        os.makedirs(path, mode=0o755, exist_ok=True)
        command("chattr", "+i", path)
        said("mount", path)

    def grow(self, purpose):
        """Let a volume, and its file system, have what its group now has."""
        name, size = group_name(purpose), self.extents(purpose)
        one = look_at_groups()[name]
        if one["size"] < int(size) * int(one["vg_extent_size"]):
            said("lvextend", "--extents", size, f"{name}/volume")
        said("xfs_growfs", self.by_purpose[purpose]["path"])

    def finish(self, disk):
        """Note in a disk's header that it was finished: from now on nothing is made anew on it."""
        os.sync()
        said("cryptsetup", "token", "import", "--token-id", "0", "--json-file", "-", disk, stdin=FINISHED)


def find(volumes, recovery):
    """Look, and give the reasons to refuse and the steps."""
    disks, seen = look(volumes, recovery)
    return plan(volumes, disks, seen, bool(recovery))


def apply(module, volumes, steps, changes):
    """Take the steps, then look again: what couldn't be seen before may need another one."""
    work = Work(volumes, module.params["recovery"])
    for _ in range(2):
        for step in steps:
            try:
                getattr(work, step.action)(step.target)
            except OSError as error:
                module.fail_json(msg=f"{step.text}, and that can't be changed: {error}", changes=changes)
        refused, steps = find(volumes, module.params["recovery"])
        if not steps:
            break
    if refused or steps:
        left = [one["what"] for one in refused] + [one.text for one in steps]
        module.fail_json(msg=f"changed, and still so: {'; '.join(left)}", changes=changes)


def main():
    """Look, refuse, change."""
    module = AnsibleModule(
        argument_spec={
            "volumes": {"type": "list", "elements": "dict", "required": True},
            "paths": {"type": "dict", "default": {}},
            "percent": {"type": "int", "default": 100},
            "disks": {"type": "list", "elements": "dict", "required": True},
            "recovery": {"type": "str", "default": "", "no_log": True},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    volumes = wanted_volumes(module.params)
    refused, steps = find(volumes, module.params["recovery"])
    if refused:
        module.fail_json(msg="disks are refused: " + "; ".join(one["what"] for one in refused), refused=refused)
    changes = [step.text for step in steps]
    if steps and not module.check_mode:
        apply(module, volumes, steps, changes)
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
