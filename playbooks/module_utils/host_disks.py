"""Disks of a host and volumes made of them: what is told of each, and what a disk is to us. Pure."""

from dataclasses import dataclass

SUBSYSTEM = "tenantry"
UNKNOWN = "something without a signature"

# What a disk is to us.
EMPTY, MAKING, OURS, OTHERS, LOST, FOREIGN = "empty", "making", "ours", "others", "lost", "foreign"


@dataclass(frozen=True)
class Header:
    """The header of LUKS2: whose it is by `subsystem` and `label`; `finished` once there was a file system within."""

    uuid: str
    label: str
    subsystem: str
    slots: tuple[int, ...]
    finished: bool


@dataclass(frozen=True)
class Disk:
    """What was seen of a disk; `size` in bytes.

    `held` is what lies on it and is in use; `begun` whether this host has a key for it, from before it was encrypted;
    `opens` whether the host's key opens it, `recovers` whether the recovery passphrase does.
    """

    id: str
    serial: str = ""
    size: int = 1 << 40
    read_only: bool = False
    signatures: tuple[str, ...] = ()
    mounted: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    header: Header | None = None
    begun: bool = False
    opens: bool = False
    recovers: bool = False
    active: bool = False
    private: bool = True
    listed: bool = False


@dataclass(frozen=True)
class Volume:
    """What was seen of a purpose's volume group, and of the one volume in it; sizes in extents, 0 where there is none.

    `members` are the mappings that the group is made of; `mounted` whether it is at its path, `elsewhere` where else;
    `over` what else is mounted at its path, `files` whether files lie there that a mount would hide.
    """

    group: bool = False
    members: tuple[str, ...] = ()
    extents: int = 0
    size: int = 0
    readable: bool = False
    fs: str = ""
    filled: bool = True
    mounted: bool = False
    elsewhere: str = ""
    over: str = ""
    files: bool = False
    listed: bool = False


def label(purpose):
    """Name a purpose's disks, in their headers."""
    return f"tenantry-{purpose}"


def group_name(purpose):
    """Name a purpose's volume group."""
    return f"tenantry_{purpose}"


def mapping(uuid):
    """Name what an opened disk is below /dev/mapper."""
    return f"luks-{uuid}"


def is_ours(header):
    """Say whether a header was written by us."""
    return header is not None and header.subsystem == SUBSYSTEM


def kind_of(disk, purpose):
    """Say what a disk is to us. What we can read of ours stays, whatever an inventory allows."""
    header = disk.header
    if is_ours(header):
        if not header.slots and not header.finished:
            return MAKING
        if not disk.opens and not disk.recovers:
            return LOST
        return OURS if header.label == label(purpose) else OTHERS
    if header is None and not disk.signatures:
        return EMPTY
    # A run that is killed while it writes the first header leaves noise.
    return MAKING if disk.begun and disk.signatures == (UNKNOWN,) else FOREIGN
