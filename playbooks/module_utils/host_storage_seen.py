"""What is seen of a host's disks, and of what lies on them. Reads only."""

import errno
import json
import os
import re
import uuid

from ansible.module_utils.host_disks import UNKNOWN, Disk, Header, Volume, group_name, is_ours, mapping
from ansible.module_utils.host_files import command, owner_of, read

KEYS = "/etc/cryptsetup-keys.d"
CRYPTTAB = "/etc/crypttab"
FSTAB = "/etc/fstab"
# A broken disk doesn't keep the host from booting; until it is given up, nothing starts before it.
BOOT = "nofail,x-systemd.before=local-fs.target,x-systemd.device-timeout=90s"
PRIVATE = ("0400", "root", "root")
_PEEK = 1 << 20
# XFS leaves a last part of less than this unused.
_ROUNDING = 16 << 20


def said(*words, stdin=None):
    """Give what a command printed; it has to succeed."""
    code, text = command(*words, stdin=stdin)
    if code:
        raise OSError(f"{' '.join(words)}: {text.strip() or code}")
    return text


def new_uuid(disk, serial):
    """Give the id that this host gives a disk: the same again where a run was killed before it was written there."""
    host = uuid.UUID((read("/etc/machine-id") or "").strip())
    return str(uuid.uuid5(host, serial or disk))


def key_path(id_):
    """Give where the host's key for a disk is, by the id in its header."""
    return f"{KEYS}/{mapping(id_)}.key"


def crypttab_line(id_):
    """Give the line that opens a disk at boot."""
    return f"{mapping(id_)} UUID={id_} {key_path(id_)} luks,nofail"


def fstab_line(id_, want):
    """Give the line that mounts a volume at boot, by the id of its file system."""
    return f"UUID={id_} {want['path']} xfs {want['options']},{BOOT} 0 0"


def has_line(file, line):
    """Say whether a file has a line; white space counts as one blank."""
    return any(one.split() == line.split() for one in (read(file) or "").splitlines())


def nodes_of(device):
    """Give what lsblk says of a disk and of all that lies on it, the disk first."""
    columns = "KNAME,NAME,TYPE,SIZE,RO,SERIAL,MOUNTPOINTS"
    found = []

    def walk(node):
        found.append(node)
        for child in node.get("children", ()):
            walk(child)

    walk(json.loads(said("lsblk", "--json", "--bytes", "--output", columns, device))["blockdevices"][0])
    return found


def serial_of(nodes):
    """Give the serial number that a disk tells of itself, nothing where it tells none."""
    return (nodes[0]["serial"] or "").strip()


def signatures(device):
    """Give the kinds of what is found on a device itself; nothing is what has nothing in its first MiB."""
    listed = json.loads(said("wipefs", "--json", device) or "{}").get("signatures", [])
    with open(device, "rb") as source:
        first = source.read(_PEEK)
    return sorted({one["type"] for one in listed}) or ([UNKNOWN] if any(first) else [])


def is_claimed(device):
    """Say whether the kernel uses a device: mounted, or a part of something larger."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        raise
    return False


def look_at_header(device):
    """Give the header of LUKS2, or None where there is none."""
    code, dump = command("cryptsetup", "luksDump", device)
    if code or not re.search(r"^Version:\s+2$", dump, re.MULTILINE):
        return None
    named = {name: value.strip() for name, _, value in (line.partition(":") for line in dump.splitlines()[:10])}
    slots = tuple(int(one) for one in re.findall(r"^  (\d+): luks2$", dump, re.MULTILINE))
    finished = re.search(r"^  \d+: tenantry$", dump, re.MULTILINE) is not None
    return Header(named["UUID"], named.get("Label", ""), named.get("Subsystem", ""), slots, finished)


def opens(device, *flags, stdin=None):
    """Say whether a key opens a disk; opens nothing."""
    return command("cryptsetup", "open", "--test-passphrase", *flags, device, stdin=stdin)[0] == 0


def look_at_disk(id_, recovery):
    """Look at a disk; the recovery passphrase is tried only where the host's own key doesn't open what is ours."""
    nodes = nodes_of(id_)
    first, *others = nodes
    parts = [one for one in others if one["type"] == "part"]
    held = [one["name"] for one in others if one["type"] != "part"]
    claimed = [one["name"] for one in [first, *parts] if not held and is_claimed(f"/dev/{one['kname']}")]
    header = look_at_header(id_)
    ours = is_ours(header)
    key = key_path(header.uuid if ours else new_uuid(id_, serial_of(nodes)))
    own = ours and os.path.exists(key) and opens(id_, "--key-slot", "0", "--key-file", key)
    return Disk(
        id=id_,
        serial=serial_of(nodes),
        size=int(first["size"]),
        read_only=bool(first["ro"]),
        signatures=tuple(signatures(id_)),
        mounted=tuple(where for one in nodes for where in one["mountpoints"] if where),
        held=tuple(held or claimed),
        header=header,
        begun=os.path.exists(key),
        opens=own,
        recovers=bool(ours and not own and recovery and opens(id_, "--key-file", "-", stdin=recovery)),
        active=ours and os.path.exists(f"/dev/mapper/{mapping(header.uuid)}"),
        private=not os.path.exists(key) or owner_of(key) == PRIVATE,
        listed=ours and has_line(CRYPTTAB, crypttab_line(header.uuid)),
    )


def lvm(program, report, *fields):
    """Give the rows of one of LVM's reports, sizes in bytes."""
    flags = ("--reportformat", "json", "--units", "b", "--nosuffix", "--options", ",".join(fields))
    # Where a disk is missing, it says so on the same output, before the report.
    text = said(program, *flags)
    return json.loads(text[text.index("{") :])["report"][0][report]


def look_at_groups():
    """Give every volume group's members, extents, and its volume's size, by name."""
    groups = {one["vg_name"]: one for one in lvm("vgs", "vg", "vg_name", "vg_extent_count", "vg_extent_size")}
    for one in groups.values():
        one["members"], one["size"] = [], 0
    for one in lvm("pvs", "pv", "pv_name", "vg_name"):
        if one["vg_name"] in groups:
            groups[one["vg_name"]]["members"].append(member_name(one["pv_name"]))
    for one in lvm("lvs", "lv", "vg_name", "lv_name", "lv_size"):
        if one["lv_name"] == "volume":
            groups[one["vg_name"]]["size"] = int(one["lv_size"])
    return groups


def member_name(path):
    """Name a member of a group as its mapping, whatever LVM calls it."""
    name = read(f"/sys/class/block/{os.path.basename(os.path.realpath(path))}/dm/name")
    return name.strip() if name else path


def file_system(device):
    """Give the kind of what is on a volume, and its id. XFS whose making was cut off says so of itself."""
    with open(device, "rb") as source:
        block = source.read(512)
    if block[:4] == b"XFSB":
        return ("xfs" if not block[126] else "half of XFS"), str(uuid.UUID(bytes=block[32:48]))
    return ", ".join(one for one in signatures(device) if one != UNKNOWN), ""


def mounts():
    """Give what is mounted where, in that order."""
    lines = (line.split() for line in (read("/proc/mounts") or "").splitlines())
    return [(words[0].replace("\\040", " "), words[1].replace("\\040", " ")) for words in lines]


def is_filled(path, size):
    """Say whether a mounted XFS is as large as its volume of so many bytes."""
    found = re.search(r"^data\s.*bsize=(\d+)\s+blocks=(\d+)", said("xfs_info", path), re.MULTILINE)
    return found is None or int(found[1]) * int(found[2]) >= size - _ROUNDING


def look_at_volume(want, groups):
    """Look at a purpose's volume, as far as it can be seen."""
    name, path = group_name(want["purpose"]), want["path"]
    group = groups.get(name, {"members": [], "size": 0, "vg_extent_count": 0, "vg_extent_size": 1})
    device, mapped = f"/dev/{name}/volume", f"/dev/mapper/{name}-volume"
    readable = os.path.exists(device)
    fs, id_ = file_system(device) if readable else ("", "")
    places = [where for source, where in mounts() if source == mapped]
    over = [source for source, where in mounts() if where == path and source != mapped]
    line = fstab_line(id_, want)
    # An id that can't be seen yet may be any.
    tail = line.split()[1:]
    known = has_line(FSTAB, line) if id_ else any(one.split()[1:] == tail for one in (read(FSTAB) or "").splitlines())
    mounted = path in places
    return Volume(
        group=name in groups,
        members=tuple(group["members"]),
        extents=int(group["vg_extent_count"]),
        size=group["size"] // int(group["vg_extent_size"]),
        readable=readable,
        fs=fs,
        filled=not mounted or is_filled(path, group["size"]),
        mounted=mounted,
        elsewhere=places[0] if places else "",
        over=over[-1] if over else "",
        files=not mounted and os.path.isdir(path) and bool(os.listdir(path)),
        listed=known,
    )


def look(volumes, recovery):
    """Give what is seen of the disks of these volumes, by id, and of the volumes, by purpose."""
    disks = {one["id"]: look_at_disk(one["id"], recovery) for want in volumes for one in want["disks"]}
    groups = look_at_groups() if volumes else {}
    return disks, {want["purpose"]: look_at_volume(want, groups) for want in volumes}
