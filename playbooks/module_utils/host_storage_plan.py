"""What becomes of a host's disks. Pure: what is wanted and what was seen in, reasons to refuse and steps out."""

from dataclasses import dataclass
from os.path import basename

from ansible.module_utils.host_disks import FOREIGN, LOST, OTHERS, OURS, group_name, kind_of, mapping

LEAST_MIB = 512


@dataclass(frozen=True)
class Step:
    """Something that is to be changed: what differs, in words, what is done, and to which disk or purpose."""

    text: str
    action: str
    target: str


def wanted_volumes(asked):
    """Give each purpose's volume that the host has disks for: path, options, percent, and those disks."""
    found = []
    for one in asked.get("volumes", ()):
        disks = [disk for disk in asked["disks"] if disk["purpose"] == one["purpose"]]
        path = asked["paths"].get(one["purpose"], one["path"])
        if disks:
            found.append({**one, "path": path, "percent": int(asked["percent"]), "disks": disks})
    return found


def may_wipe(disk, one):
    """Say whether the inventory lets a disk be destroyed, by the serial number that the disk itself tells."""
    return bool(disk.serial) and one.get("wipe") == disk.serial


def reason(disk, what, fix):
    """Make a reason to refuse a disk."""
    return {"key": "disk", "value": disk.id, "what": what, "fix": fix}


def judge_disk(disk, one, purpose, recovery):
    """Give the reasons why a disk can't become, or stay, a part of its volume."""
    kind = kind_of(disk, purpose)
    tells = f"the disk there says {disk.serial or 'none'}"
    for name in ("serial", "wipe"):
        if one.get(name) and one[name] != disk.serial:
            what = f"its {name} in the inventory is {one[name]}, and {tells}"
            yield reason(disk, what, "look which disk it is, and correct the inventory")
    if kind == OTHERS:
        what = f"it is tenantry's, for {disk.header.label.removeprefix('tenantry-')}, and readable"
        yield reason(
            disk, what, f"give it that purpose; or, to lose its data, run cryptsetup luksErase {disk.id} there"
        )
    elif kind == LOST:
        yield from judge_content(disk, one, "tenantry's data, which neither this host's key nor the passphrase opens")
    elif kind == FOREIGN:
        yield from judge_content(disk, one, content_of(disk))
    if kind != OURS:
        yield from judge_use(disk)
    if kind != OTHERS and not recovery and not (kind == OURS and has_recovery(disk)):
        what = "no passphrase is given that would open it once the host's own key is lost"
        fix = "name a file that holds one, of 20 characters or more, as storage_recovery_file"
        yield reason(disk, what, fix)


def content_of(disk):
    """Name what is on a disk that isn't ours."""
    return ", ".join(disk.signatures) or "a header of LUKS"


def judge_content(disk, one, content):
    """Refuse to destroy what nobody said may be destroyed."""
    if not may_wipe(disk, one):
        fix = f"if that may be destroyed, add wipe: {disk.serial} to the disk in the inventory"
        if not disk.serial:
            fix = f"the disk tells no serial number, so if that may be destroyed, do it there: wipefs --all {disk.id}"
        yield reason(disk, f"it holds {content}", fix)


def judge_use(disk):
    """Refuse a disk that is in use, or too small, or can't be written to: no token helps."""
    if "/" in disk.mounted:
        yield reason(disk, "the system is on it", "name another disk")
    elif disk.mounted:
        where = ", ".join(disk.mounted)
        yield reason(disk, f"it is mounted at {where}", "unmount it (umount, swapoff), and remove it from /etc/fstab")
    elif disk.held:
        fix = "take it out of use (vgchange -an, mdadm --stop, cryptsetup close), or name another disk"
        yield reason(disk, f"it is in use by {', '.join(disk.held)}", fix)
    if disk.read_only:
        yield reason(disk, "it can't be written to", "unlock it, or name another disk")
    if disk.size < LEAST_MIB << 20:
        yield reason(disk, f"it has {disk.size >> 20} MiB, and {LEAST_MIB} is the least", "name a larger one")


def has_recovery(disk):
    """Say whether another key than the host's opens a disk."""
    return any(slot != 0 for slot in disk.header.slots)


def disk_steps(disk, purpose):
    """Give what is to be done to a disk that nothing refuses, until it is open."""
    kind, name = kind_of(disk, purpose), basename(disk.id)
    if kind in (FOREIGN, LOST):
        content = content_of(disk) if kind == FOREIGN else "what can't be read any more"
        yield Step(f"disk {name} holds {content}, which may be wiped", "wipe", disk.id)
    if kind != OURS:
        yield Step(f"disk {name} isn't encrypted by us", "encrypt", disk.id)
    elif not disk.opens:
        yield Step(f"disk {name} isn't opened by a key of this host", "key", disk.id)
    elif not disk.private:
        yield Step(f"the key of disk {name} has other rights than 0400 root:root", "rights", disk.id)
    if kind != OURS or not has_recovery(disk):
        yield Step(f"disk {name} has no recovery passphrase", "recovery", disk.id)
    if kind != OURS or not disk.listed:
        yield Step(f"crypttab has no line for disk {name}", "crypttab", disk.id)
    if kind != OURS or not disk.active:
        yield Step(f"disk {name} isn't open", "open", disk.id)


def is_finished(disks, purpose):
    """Say whether there was a file system once on a purpose's disks: then none is ever made anew."""
    return any(kind_of(one, purpose) == OURS and one.header.finished for one in disks)


def is_seen(disks, volume, purpose):
    """Say whether what lies within a purpose's disks can be looked at: they are open."""
    ours = [one for one in disks if kind_of(one, purpose) == OURS]
    return all(one.active for one in ours) and (volume.readable or not volume.size)


def target_size(volume, percent):
    """Give the extents that the volume is to have."""
    return volume.extents * percent // 100


def judge_volume(volume, disks, want):
    """Give the reasons why a purpose's volume can't be made, or can't become what is wanted."""
    purpose, path = want["purpose"], want["path"]
    name = group_name(purpose)

    def refuse(value, what, fix):
        return {"key": "volume", "value": value, "what": what, "fix": fix}

    if volume.over:
        yield refuse(path, f"{volume.over} is mounted there", "unmount it, or choose another of storage_paths")
    elif volume.elsewhere and not volume.mounted:
        yield refuse(
            path, f"{name} is mounted at {volume.elsewhere}", f"umount {volume.elsewhere}, or correct the path"
        )
    elif volume.files and not volume.mounted:
        yield refuse(path, "files lie there, which the mount would hide", "move them away, or choose another path")
    if not is_seen(disks, volume, purpose):
        return
    ours = {mapping(one.header.uuid) for one in disks if one.header is not None}
    beyond = [one for one in volume.members if one not in ours]
    if beyond:
        what = f"a disk of it isn't named for {purpose} ({', '.join(beyond)}), and a volume never shrinks"
        yield refuse(name, what, "name it again, or move the data away and begin anew")
    if not is_finished(disks, purpose):
        return
    if not volume.group or not volume.size or volume.fs != "xfs":
        lacks = "its volume" if not volume.group or not volume.size else f"XFS, but has {volume.fs or 'nothing'}"
        what = f"its disks were finished once, and it lacks {lacks}"
        yield refuse(name, what, "mend it there (vgcfgrestore, xfs_repair); nothing is made anew over data")
    elif volume.size > target_size(volume, want["percent"]):
        what = f"the volume has {volume.size} of {volume.extents} extents, more than storage_percent, and never shrinks"
        yield refuse(name, what, "give it a higher storage_percent")


def volume_steps(volume, disks, want):
    """Give what is to be done to a purpose's volume that nothing refuses, until it is mounted."""
    purpose, path = want["purpose"], want["path"]
    name = group_name(purpose)
    seen, finished = is_seen(disks, volume, purpose), is_finished(disks, purpose)
    fresh = not finished and not (seen and volume.group)
    absent = [one for one in disks if one.header is None or mapping(one.header.uuid) not in volume.members]
    added = [one for one in absent if kind_of(one, purpose) != OURS or (seen and not fresh)]
    if fresh:
        yield Step(f"volume group {name} is missing", "group", purpose)
    else:
        for one in added:
            yield Step(f"volume group {name} hasn't disk {basename(one.id)}", "extend", one.id)
    made = finished or (seen and volume.size > 0)
    if not made:
        yield Step(f"volume {name}/volume is missing", "volume", purpose)
    if not finished and not (seen and volume.fs == "xfs"):
        yield Step(f"volume {name}/volume has no file system", "filesystem", purpose)
    if not volume.listed:
        yield Step(f"fstab has no line for {path}", "fstab", purpose)
    if not volume.mounted:
        yield Step(f"{path} isn't mounted", "mount", purpose)
    short = seen and (volume.size < target_size(volume, want["percent"]) or not volume.filled)
    if made and (short or added):
        yield Step(f"volume {name}/volume is smaller than asked", "grow", purpose)
    for one in disks:
        if kind_of(one, purpose) != OURS or not one.header.finished:
            yield Step(f"disk {basename(one.id)} isn't marked as finished", "finish", one.id)


def plan(volumes, disks, seen, recovery):
    """Give the reasons to refuse, and the steps where there are none.

    `volumes` as `wanted_volumes` gives them, `disks` by id, `seen` by purpose; `recovery` says whether a passphrase is
    given.
    """
    refused, steps, last = [], [], []
    for want in volumes:
        purpose, volume = want["purpose"], seen[want["purpose"]]
        own = [disks[one["id"]] for one in want["disks"]]
        for one in want["disks"]:
            refused += judge_disk(disks[one["id"]], one, purpose, recovery)
            steps += disk_steps(disks[one["id"]], purpose)
        refused += judge_volume(volume, own, want)
        last += volume_steps(volume, own, want)
    return refused, ([] if refused else [*steps, *last])
