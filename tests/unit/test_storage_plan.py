"""What becomes of disks: nothing of anybody's is ever destroyed unasked, and what was cut off anywhere is finished."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import ansible.module_utils
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenantry.data import playbook_dir

ansible.module_utils.__path__.append(str(playbook_dir() / "module_utils"))

from ansible.module_utils import host_disks as disks  # noqa: E402
from ansible.module_utils import host_storage_plan as planning  # noqa: E402

SERIAL = "ZL2A7Q4M"
DESTROYING = {"wipe", "encrypt"}
MAKING_ANEW = {"group", "volume", "filesystem"}
Told = Any
"""What has no types: it runs on hosts, without tenantry."""


def want(*asked: Mapping[str, str], percent: int = 100) -> list[dict[str, Any]]:
    return [{"purpose": "data", "path": "/srv", "options": "nodev", "percent": percent, "disks": list(asked)}]


def disk(number: int = 1, **wipe: str) -> dict[str, str]:
    return {"id": f"/dev/disk/by-id/virtio-{number}", "purpose": "data", **wipe}


def plan(asked: Told, seen: Told, volume: Told = None, *, recovery: bool = True, percent: int = 100) -> Told:
    volume = volume or disks.Volume()
    return planning.plan(want(asked, percent=percent), {asked["id"]: seen}, {"data": volume}, recovery)


def header(**more: Told) -> Told:
    given = {"uuid": "u1", "label": "tenantry-data", "subsystem": "tenantry", "slots": (0, 1), "finished": True}
    return disks.Header(**{**given, **more})


def seen_disk(**more: Told) -> Told:
    return disks.Disk(**{"id": disk()["id"], "serial": SERIAL, **more})


def ours(**more: Told) -> Told:
    given = {"header": header(), "signatures": ("crypto_LUKS",), "opens": True, "active": True, "listed": True}
    return seen_disk(**{**given, "held": ("luks-u1",), **more})


def whole(**more: Told) -> Told:
    given = {"group": True, "members": ("luks-u1",), "extents": 100, "size": 100, "readable": True, "fs": "xfs"}
    return disks.Volume(**{**given, "mounted": True, "elsewhere": "/srv", "listed": True, **more})


HEADERS = st.none() | st.builds(
    disks.Header,
    uuid=st.sampled_from(["u1", "u2"]),
    label=st.sampled_from(["tenantry-data", "tenantry-etcd", ""]),
    subsystem=st.sampled_from(["tenantry", "tenantry", ""]),
    slots=st.sampled_from([(), (0,), (1,), (0, 1)]),
    finished=st.booleans(),
)
DISKS = st.builds(
    disks.Disk,
    id=st.just(disk()["id"]),
    serial=st.sampled_from([SERIAL, "OTHER", ""]),
    size=st.sampled_from([1 << 20, 1 << 40]),
    read_only=st.booleans(),
    signatures=st.lists(st.sampled_from(["gpt", "ext4", "crypto_LUKS", disks.UNKNOWN]), max_size=2).map(tuple),
    mounted=st.lists(st.sampled_from(["/", "/srv", "[SWAP]"]), max_size=1).map(tuple),
    held=st.lists(st.sampled_from(["luks-u1", "md0"]), max_size=1).map(tuple),
    header=HEADERS,
    **{name: st.booleans() for name in ("begun", "opens", "recovers", "active", "private", "listed")},
)
VOLUMES = st.builds(
    disks.Volume,
    group=st.booleans(),
    members=st.lists(st.sampled_from(["luks-u1", "luks-u2", "[unknown]"]), max_size=2).map(tuple),
    extents=st.sampled_from([0, 100]),
    size=st.sampled_from([0, 50, 100]),
    fs=st.sampled_from(["", "xfs", "ext4", "half of XFS"]),
    elsewhere=st.sampled_from(["", "/srv", "/mnt"]),
    over=st.sampled_from(["", "/dev/vdz"]),
    **{name: st.booleans() for name in ("readable", "filled", "mounted", "files", "listed")},
)
ASKED = st.builds(
    lambda told: disk(**{name: value for name, value in told.items() if value}),
    st.fixed_dictionaries({name: st.sampled_from(["", SERIAL, "OTHER"]) for name in ("serial", "wipe")}),
)


@settings(max_examples=800, deadline=None)
@given(ASKED, DISKS, VOLUMES, st.booleans())
def test_nothing_is_ever_destroyed_that_is_not_ours_or_named_by_the_number_that_its_disk_tells(
    asked: Told,
    seen: Told,
    volume: Told,
    recovery: bool,
) -> None:
    refused, steps = plan(asked, seen, volume, recovery=recovery)
    taken = {step.action for step in steps}
    assert not (refused and steps)
    if not taken & DESTROYING:
        return
    readable = seen.header is not None and seen.header.subsystem == "tenantry" and (seen.opens or seen.recovers)
    assert not readable or (not seen.header.slots and not seen.header.finished)
    assert not seen.mounted
    assert not seen.held
    assert recovery
    unwritten = seen.header is not None and not seen.header.slots and seen.header.subsystem == "tenantry"
    noise = seen.begun and seen.signatures == (disks.UNKNOWN,) and seen.header is None
    if (seen.signatures or seen.header is not None) and not unwritten and not noise:
        assert asked.get("wipe") == seen.serial != ""
        assert seen.header is not None or "wipe" in taken


@settings(max_examples=800, deadline=None)
@given(ASKED, DISKS, VOLUMES)
def test_no_file_system_is_made_anew_where_there_was_one(asked: Told, seen: Told, volume: Told) -> None:
    _, steps = plan(asked, seen, volume)
    taken = {step.action for step in steps}
    if seen.header is not None and seen.header.finished and not taken & DESTROYING:
        assert not taken & MAKING_ANEW


REFUSED = {
    "a file system": (
        disk(),
        {"signatures": ("ext4",)},
        f"it holds ext4 … if that may be destroyed, add wipe: {SERIAL}",
    ),
    "another's wipe": (disk(wipe="OTHER"), {"signatures": ("ext4",)}, "its wipe in the inventory is OTHER"),
    "a wipe where none is needed": (disk(wipe="OTHER"), {}, "its wipe in the inventory is OTHER"),
    "another serial": (
        disk(serial="OTHER"),
        {},
        f"its serial in the inventory is OTHER, and the disk there says {SERIAL}",
    ),
    "no serial to wipe by": (disk(wipe=SERIAL), {"signatures": ("gpt",), "serial": ""}, "the disk there says none"),
    "noise": (disk(), {"signatures": (disks.UNKNOWN,)}, "it holds something without a signature"),
    "the system": (disk(wipe=SERIAL), {"mounted": ("/boot", "/"), "signatures": ("gpt",)}, "the system is on it"),
    "a mount": (disk(wipe=SERIAL), {"mounted": ("/mnt",), "signatures": ("ext4",)}, "it is mounted at /mnt"),
    "swap": (disk(wipe=SERIAL), {"mounted": ("[SWAP]",), "signatures": ("swap",)}, "it is mounted at [SWAP]"),
    "a part of an array": (
        disk(wipe=SERIAL),
        {"held": ("md0",), "signatures": ("linux_raid_member",)},
        "in use by md0",
    ),
    "too small": (disk(), {"size": 1 << 20}, "it has 1 MiB"),
    "read only": (disk(), {"read_only": True}, "it can't be written to"),
    "another's LUKS": (
        disk(),
        {"header": header(subsystem="", label=""), "signatures": ("crypto_LUKS",)},
        "it holds crypto_LUKS",
    ),
    "ours that nothing opens": (
        disk(),
        {"header": header(), "signatures": ("crypto_LUKS",)},
        "neither this host's key",
    ),
    "ours without a key": (
        disk(),
        {"header": header(slots=()), "signatures": ("crypto_LUKS",)},
        "neither this host's key",
    ),
    "ours for another purpose": (
        disk(wipe=SERIAL),
        {"header": header(label="tenantry-etcd"), "signatures": ("crypto_LUKS",), "opens": True},
        "it is tenantry's, for etcd, and readable",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_disk_is_refused(name: str) -> None:
    asked, seen, said = REFUSED[name]
    refused, steps = plan(asked, seen_disk(**seen))
    told = [f"{one['what']} … {one['fix']}" for one in refused]
    assert any(said in one for one in told), told
    assert all(one["value"] == asked["id"] for one in refused)
    assert steps == []


VOLUMES_REFUSED = {
    "shrinking": (whole(), 50, "the volume has 100 of 100 extents"),
    "a disk less": (whole(members=("luks-u1", "luks-u9")), 100, "luks-u9), and a volume never shrinks"),
    "a broken disk": (whole(members=("luks-u1", "[unknown]")), 100, "a disk of it isn't named for data"),
    "a lost group": (disks.Volume(), 100, "it lacks its volume"),
    "a lost file system": (whole(fs="", mounted=False, elsewhere=""), 100, "lacks XFS, but has nothing"),
    "mounted elsewhere": (whole(mounted=False, elsewhere="/mnt"), 100, "tenantry_data is mounted at /mnt"),
    "another in its place": (whole(over="/dev/vdz", mounted=False, elsewhere=""), 100, "/dev/vdz is mounted there"),
    "files in its place": (whole(files=True, mounted=False, elsewhere=""), 100, "files lie there"),
}


@pytest.mark.parametrize("name", VOLUMES_REFUSED)
def test_a_volume_is_refused(name: str) -> None:
    volume, percent, said = VOLUMES_REFUSED[name]
    refused, steps = plan(disk(), ours(), volume, percent=percent)
    assert [said in one["what"] for one in refused] == [True], refused
    assert steps == []


def test_a_passphrase_is_needed_to_encrypt_and_never_after() -> None:
    (refused,), _ = plan(disk(), seen_disk(), recovery=False)
    assert "storage_recovery_file" in refused["fix"]
    assert plan(disk(), ours(), whole(), recovery=False) == ([], [])


def test_a_wipe_that_stays_in_the_inventory_wipes_nothing_of_ours() -> None:
    assert plan(disk(wipe=SERIAL), ours(), whole()) == ([], [])
    # A host whose system was installed anew has no key, and the passphrase opens its disks.
    refused, steps = plan(disk(wipe=SERIAL), ours(opens=False, recovers=True, active=False, listed=False, held=()))
    assert refused == []
    assert [step.action for step in steps] == ["key", "crypttab", "open", "fstab", "mount"]


def test_a_disk_more_makes_the_volume_larger() -> None:
    second = disks.Disk(id=disk(2)["id"], serial="NEW")
    both = {disk()["id"]: ours(), disk(2)["id"]: second}
    refused, steps = planning.plan(want(disk(), disk(2)), both, {"data": whole()}, recovery=True)
    assert refused == []
    taken = [step.action for step in steps]
    assert taken == ["encrypt", "recovery", "crypttab", "open", "extend", "grow", "finish"]
    assert {step.target for step in steps if step.action != "grow"} == {disk(2)["id"]}


def test_a_share_that_is_raised_makes_the_volume_larger() -> None:
    refused, steps = plan(disk(), ours(), whole(size=50), percent=80)
    assert (refused, [step.action for step in steps]) == ([], ["grow"])


TAKEN: Mapping[str, Mapping[str, Any]] = {
    "wipe": {"signatures": (), "header": None},
    "encrypt": {
        "header": header(slots=(0,), finished=False),
        "signatures": ("crypto_LUKS",),
        "opens": True,
        "begun": True,
    },
    "recovery": {"header": header(finished=False)},
    "crypttab": {"listed": True},
    "open": {"active": True, "held": ("luks-u1",)},
    "finish": {"header": header()},
    "group": {"group": True, "members": ("luks-u1",), "extents": 100},
    "volume": {"size": 100, "readable": True},
    "filesystem": {"fs": "xfs"},
    "fstab": {"listed": True},
    "mount": {"mounted": True, "elsewhere": "/srv"},
}
OF_DISK = {"wipe", "encrypt", "recovery", "crypttab", "open", "finish"}


def take(steps: Told, seen: Told, volume: Told) -> tuple[Told, Told]:
    for step in steps:
        if step.action in OF_DISK:
            seen = replace(seen, **TAKEN[step.action])
        else:
            volume = replace(volume, **TAKEN[step.action])
    return seen, volume


@pytest.mark.parametrize("booted", [False, True])
@pytest.mark.parametrize("taken", range(12))
def test_what_was_cut_off_after_any_step_is_finished_and_then_left_alone(taken: int, booted: bool) -> None:
    asked, seen, volume = disk(wipe=SERIAL), seen_disk(signatures=("gpt", "ext4")), disks.Volume()
    _, steps = plan(asked, seen, volume)
    assert [step.action for step in steps] == list(TAKEN)[:5] + list(TAKEN)[6:] + ["finish"]
    seen, volume = take(steps[:taken], seen, volume)
    within = volume
    if booted and not seen.listed:
        # Nobody opens the disk, so nothing tells what is within.
        seen, volume = replace(seen, active=False, held=()), disks.Volume()
    refused, left = plan(asked, seen, volume)
    assert refused == []
    seen, volume = take(left, seen, replace(within, mounted=volume.mounted))
    assert plan(asked, seen, volume) == ([], [])
