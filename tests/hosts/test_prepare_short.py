"""The short way, in every test run: one guest, preflight and baseline, a second run that changes nothing."""

from pathlib import Path

from guest_image import Image
from guests import Guest
from hosts_at_hand import host_of, inventory_of, run, write

from tenantry.problems import Exit

NODE = ("control-plane", "etcd", "worker")
SETTINGS = {"kernel.kptr_restrict": "2", "net.ipv4.ip_forward": "1", "net.ipv4.conf.all.accept_redirects": "0"}


def test_a_host_is_refused_then_prepared_and_then_left_alone(host: Guest, image: Image, tmp_path: Path) -> None:
    before = host.run("sysctl -a 2>/dev/null | sort; find /etc -newer /etc/machine-id -type f | sort")
    wrong = host_of(host, NODE, settings={"baseline": {"baseline_sysctl": {"kernel.no_such_setting": "1"}}})
    wrong["disks"][1]["id"] = "/dev/disk/by-id/virtio-NOWHERE"
    refused = run(
        "prepare",
        write(tmp_path, inventory_of(wrong)),
        "--role",
        "baseline",
        "--private-key",
        image.key,
        expect=Exit.INPUT,
    )
    assert "TEN-723 host-1: preflight refuses disk /dev/disk/by-id/virtio-NOWHERE" in refused.stderr
    assert "preflight refuses sysctl kernel.no_such_setting: the kernel has no such setting" in refused.stderr
    assert host.run("find /etc -newer /etc/machine-id -type f | sort") in before

    inventory = write(tmp_path, inventory_of(host_of(host, NODE)))
    first = run("prepare", inventory, "--role", "baseline", "--private-key", image.key)
    assert "sysctl kernel.kptr_restrict: 0 to 2" in first.stdout
    values = host.run(f"sysctl -n {' '.join(SETTINGS)}").split()
    assert values == list(SETTINGS.values())
    assert host.run("modprobe sctp 2>&1 || true").strip() != ""
    assert "noexec" in host.run("findmnt -no OPTIONS /var/tmp")
    assert host.run("grep -E '^(UMASK|UID_MIN)' /etc/login.defs").split() == ["UMASK", "027", "UID_MIN", "1000"]
    assert host.run("stat -c %a /etc/cron.d /etc/ssh/sshd_config /home/ops").split() == ["700", "600", "750"]
    assert host.run("bash -lic 'umask; echo $TMOUT'", user="ops").split() == ["0027", "900"]

    second = run("prepare", inventory, "--role", "baseline", "--private-key", image.key)
    assert second.stdout == "1 host as asked; nothing was changed.\n"
