"""Machines by their management controllers: a real emulator of sushy-tools, over TLS with a CA of the test's own."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from controllers import PASSWORD, Controller, controller, uuid_of
from hosts_at_hand import inventory_of, run, write

from playbook_modules import load
from tenantry.problems import Exit

ONE = f"/redfish/v1/Systems/{uuid_of(1)}"


@pytest.fixture(scope="module")
def redfish() -> ModuleType:
    """Give what the module on the controller's side is made of."""
    return load("module_utils/host_redfish.py")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """Give a controller whose power changes take as long as sushy-tools has them take: 1 to 11 s."""
    with controller(tmp_path_factory.mktemp("slow"), delay=11) as started:
        yield started


@pytest.fixture
def bmc(tmp_path: Path) -> Iterator[Controller]:
    """Give a controller of two machines that are off; a change of power shows after one or two seconds."""
    (tmp_path / "bmc").mkdir()
    with controller(tmp_path / "bmc", delay=1) as started:
        yield started


def opened(redfish: ModuleType, bmc: Controller, **more: Any) -> Any:  # noqa: ANN401
    login = redfish.read_login(str(bmc.credentials), "host-1")
    return redfish.Redfish("127.0.0.1", bmc.port, login, **more)


def machine(by: Controller, number: int = 1, roles: tuple[str, ...] = (), **more: Any) -> Any:  # noqa: ANN401
    return {
        "name": f"host-{number}",
        "roles": list(roles),
        "rack": "r01",
        "address": f"127.0.9.{number}",
        "mac": f"52:54:00:00:00:{number:02x}",
        "serial": f"CZJ{number}",
        # On loopback, where nothing listens unless a test does: some networks answer for everybody.
        "ssh": {"address": "127.0.0.1", "port": 1},
        "disks": [
            {"id": f"/dev/disk/by-id/wwn-0x{number}0", "purpose": "system"},
            {"id": f"/dev/disk/by-id/wwn-0x{number}1", "purpose": "data"},
        ],
        # A loopback address each: two machines can't have one controller. The second one's proves itself by what it is.
        "bmc": {"address": f"127.0.0.{number}", "port": by.port, "fingerprint": by.fingerprint},
        **more,
    }


def inventory(folder: Path, *machines: Any) -> Path:  # noqa: ANN401
    network = {"hosts": ["127.0.9.0/24"], "pods": ["10.128.0.0/14"], "services": ["10.96.0.0/16"]}
    return write(folder, inventory_of(*machines, network=network))


def test_a_change_is_read_until_it_is_so(redfish: ModuleType, bmc: Controller) -> None:
    settling = redfish.Settling(opened(redfish, bmc), ONE, graceful=30, wait=30, interval=0.2)
    settling.boot("pxe")
    assert redfish.boots_from(bmc.system()) == ("Pxe", "Once")
    settling.on()
    assert bmc.system()["PowerState"] == "On"
    assert redfish.boots_from(bmc.system()) == ("None", "Disabled")
    settling.off()
    assert bmc.system()["PowerState"] == "Off"


def test_a_change_that_does_not_come_in_time_is_a_failure(redfish: ModuleType, slow: Controller) -> None:
    settling = redfish.Settling(opened(redfish, slow), ONE, graceful=0, wait=1, interval=0.2)
    with pytest.raises(redfish.BmcError, match="it was asked to be On, and after 1 s its power is still Off"):
        settling.on()


def test_who_does_not_prove_itself_gets_no_credentials(redfish: ModuleType, slow: Controller, tmp_path: Path) -> None:
    log = slow.credentials.with_name("emulator.log")
    before = log.read_text()
    login = {"username": "ops", "password": PASSWORD}
    with pytest.raises(redfish.BmcError, match="doesn't prove itself") as refused:
        redfish.Redfish("127.0.0.1", slow.port, login).get(ONE)
    assert "bmc.fingerprint" in refused.value.fix
    with pytest.raises(redfish.BmcError, match="doesn't prove itself"):
        opened(redfish, slow, fingerprint=":".join(["00"] * 32)).get(ONE)
    assert [line for line in log.read_text()[len(before) :].splitlines() if "GET" in line] == []
    assert redfish.Redfish("127.0.0.1", slow.port, login, fingerprint=slow.fingerprint).get(ONE)[0]["SerialNumber"]
    assert redfish.Redfish("127.0.0.1", slow.port, login, verified=False).get(ONE)[0]["SerialNumber"] == "CZJ1"


def test_another_machine_than_the_inventory_s_is_refused(redfish: ModuleType, slow: Controller) -> None:
    with pytest.raises(redfish.RefusedError, match=r"serial number is CZJ9, and the BMC at .* has CZJ1, CZJ2"):
        redfish.find_system(opened(redfish, slow), "CZJ9")
    assert redfish.find_system(opened(redfish, slow), "CZJ2") == f"/redfish/v1/Systems/{uuid_of(2)}"


def test_what_a_machine_does_not_boot_from_is_refused(redfish: ModuleType) -> None:
    system = {"Boot": {"BootSourceOverrideTarget@Redfish.AllowableValues": ["Hdd"]}}
    with pytest.raises(redfish.RefusedError, match="doesn't boot from it once, but from Hdd"):
        redfish.refuse_unable(system, "pxe")
    redfish.refuse_unable(system, "hdd")


def test_wrong_credentials_are_told_and_never_shown(redfish: ModuleType, slow: Controller) -> None:
    with pytest.raises(redfish.BmcError, match="doesn't let these credentials in") as refused:
        redfish.Redfish(
            "127.0.0.1", slow.port, {"username": "ops", "password": "other"}, fingerprint=slow.fingerprint
        ).get(ONE)
    assert "other" not in f"{refused.value} {refused.value.fix}"


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("[DEFAULT]\nusername = ops\npassword = geheim\n", 0o640, "others than you can read it"),
        ("[DEFAULT]\nusername = ops\n", 0o600, "gives host-1 no password"),
        ("[host-2]\nusername = ops\npassword = geheim\n", 0o600, "gives host-1 no username and no password"),
        ("password = geheim\n", 0o600, "isn't an INI file"),
        ("[DEFAULT]\ngeheim\n", 0o600, "isn't an INI file"),
        ("[DEFAULT]\nusername = ops\npassword = geheim\nca_file = /nowhere\n", 0o600, "/nowhere isn't there"),
    ],
)
def test_a_file_of_credentials_that_will_not_do_is_refused(
    redfish: ModuleType, tmp_path: Path, text: str, mode: int, said: str
) -> None:
    file = tmp_path / "bmc.ini"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(redfish.RefusedError, match=said) as refused:
        redfish.read_login(str(file), "host-1")
    assert "geheim" not in str(refused.value.reason)


def test_one_machine_that_is_refused_leaves_all_as_they_are(bmc: Controller, tmp_path: Path) -> None:
    wrong = machine(bmc, 2, serial="CZJ9", mac="52:54:00:00:00:09")
    file = inventory(tmp_path, machine(bmc), wrong)
    words = ("bmc", file, "--power", "on", "--boot", "pxe", "--credentials", bmc.credentials)
    refused = run(*words, expect=Exit.INPUT)
    assert "TEN-723 host-2: bmc refuses serial CZJ9: the inventory's serial number is CZJ9" in refused.stderr
    assert "1 stopped before the first change, 1 refused." in refused.stdout
    assert (bmc.system()["PowerState"], bmc.system()["Boot"]["BootSourceOverrideEnabled"]) == ("Off", "Disabled")


@pytest.mark.hosts
def test_a_machine_is_powered_as_predicted_and_a_second_time_is_left_alone(bmc: Controller, tmp_path: Path) -> None:
    file = inventory(tmp_path, machine(bmc), machine(bmc, 2))
    words = ("bmc", file, "--limit", "host-1", "--credentials", bmc.credentials)
    predicted = run(*words, "--power", "on", "--boot", "pxe", "--check").stdout
    assert bmc.system()["PowerState"] == "Off"
    changed = run(*words, "--power", "on", "--boot", "pxe").stdout
    rows = [line.split(maxsplit=2)[2] for line in changed.splitlines() if line.startswith("host-1  bmc ")]
    assert rows == [line.split(maxsplit=2)[2] for line in predicted.splitlines() if line.startswith("host-1  bmc ")]
    assert [row.rstrip() for row in rows] == ["boot: its own order to Pxe (once)", "power: Off to On"]
    assert bmc.system()["PowerState"] == "On"
    assert "1 host as asked; nothing was changed.\n" in run(*words, "--power", "on").stdout
    assert run(*words, "--boot", "hdd").stdout.endswith("1 changed.\n")
    assert run(*words, "--boot", "hdd").stdout.endswith("1 host as asked; nothing was changed.\n")
    shown = run(*words).stdout.splitlines()[1].split()
    assert shown[:5] == ["host-1", "On", "Hdd,", "once", "CZJ1"]
    restarted = run(*words, "--power", "restart").stdout
    assert "power: On to Off to On" in restarted
    assert bmc.system()["PowerState"] == "On"
    assert bmc.system(2)["PowerState"] == "Off"


@pytest.mark.hosts
def test_the_power_of_a_live_member_is_taken_by_its_name_alone(bmc: Controller, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as ssh:
        alive = machine(bmc, ssh={"address": "127.0.0.1", "port": ssh.getsockname()[1]})
        member = machine(bmc, 2, ("control-plane", "etcd"))
        file = inventory(tmp_path, alive, member)
        words = ("bmc", file, "--credentials", bmc.credentials)
        run(*words, "--power", "on")
        refused = run(*words, "--power", "off", expect=Exit.INPUT).stderr
        assert "TEN-723 host-1: bmc refuses power off: the host is alive: SSH answers at 127.0.0.1" in refused
        assert "TEN-723 host-2: bmc refuses power off: the host is on, and a member of etcd and the control" in refused
        assert {bmc.system(number)["PowerState"] for number in (1, 2)} == {"On"}
        run(*words, "--power", "off", "--force", "host-1", expect=Exit.INPUT)
        assert bmc.system()["PowerState"] == "On"
        run(*words, "--power", "off", "--force", "host-1", "--force", "host-2")
        assert {bmc.system(number)["PowerState"] for number in (1, 2)} == {"Off"}
        # What has no power can't lose it.
        assert "2 hosts as asked" in run(*words, "--power", "off").stdout


@pytest.mark.hosts
def test_credentials_are_nowhere_but_in_their_file(bmc: Controller, tmp_path: Path) -> None:
    file = inventory(tmp_path, machine(bmc, bmc={"address": "127.0.0.1", "port": bmc.port}))
    done = run("bmc", file, "--credentials", bmc.credentials, "--format", "json")
    assert '"serial": "CZJ1"' in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    bmc.credentials.chmod(0o644)
    refused = run("bmc", file, "--credentials", bmc.credentials, expect=Exit.INPUT).stderr
    assert "others than you can read it" in " ".join(refused.split())
    assert PASSWORD not in refused


@pytest.mark.hosts
def test_a_controller_is_believed_without_proof_only_where_the_inventory_says_so(
    bmc: Controller, tmp_path: Path
) -> None:
    bmc.credentials.write_text(f"[DEFAULT]\nusername = ops\npassword = {PASSWORD}\n")
    at = {"address": "127.0.0.1", "port": bmc.port}
    strict = inventory(tmp_path, machine(bmc, bmc=at))
    refused = run("bmc", strict, "--credentials", bmc.credentials, expect=Exit.UNREACHABLE)
    assert "doesn't prove itself" in " ".join(refused.stderr.split())
    loose = inventory(tmp_path, machine(bmc, bmc={**at, "tls": "unverified"}))
    assert "the certificate of its BMC isn't verified" in run("bmc", loose, "--credentials", bmc.credentials).stdout
