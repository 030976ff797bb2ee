"""The rules of audit on a real guest's kernel: loaded once, then immutable; tried first, and taken back."""

from pathlib import Path

import pytest
from guest_image import Image
from guests import Guest
from hosts_at_hand import AS_ASKED, denied, host_of, inventory_of, run, write

from tenantry.problems import Exit

pytestmark = pytest.mark.hosts

WAITS = "host-1: the rules of audit are immutable, so what their file has anew waits for a reboot.\n"
STATE = "find /etc -type f -not -name '*.prev' -exec sha256sum {} + | sort; auditctl -l; auditctl -s | head -2"
EXTRA = "-w /srv -p wa -k srv"
COLLECTOR = (
    "local_events = no\nwrite_logs = yes\nlog_file = /srv/records/audit.log\nlog_group = root\nflush = NONE\n"
    "max_log_file = 8\nnum_logs = 2\nspace_left = 8\nadmin_space_left = 4\ntcp_listen_port = 6060\nuse_libwrap = no\n"
    "plugin_dir = /srv/collector/plugins.d\n"
)


def changes(text: str) -> list[list[str]]:
    """Give the rows of a table of changes that are the role's."""
    return [line.rstrip().split(maxsplit=2) for line in text.splitlines() if line.startswith("host-1  audit ")]


def settings(**audit: object) -> dict[str, object]:
    return {"settings": {"audit": audit}}


def test_rules_are_loaded_once_and_immutable_and_others_wait_for_a_reboot(
    host: Guest, image: Image, tmp_path: Path
) -> None:
    key = ("--private-key", image.key)
    inventory = write(tmp_path, inventory_of(host_of(host)))
    before = host.run(STATE)
    predicted = run("check", inventory, *key, expect=Exit.DENIED)
    assert host.run(STATE) == before
    first = run("prepare", inventory, "--role", "audit", *key)
    assert changes(first.stdout) == changes(predicted.stdout) != []
    assert host.run("auditctl -s").startswith("enabled 2\n")
    assert run("prepare", inventory, "--role", "audit", *key).stdout == AS_ASKED
    host.run("sudo true", user="ops")
    assert 'comm="sudo"' in host.run("ausearch --input-logs --raw -k privilege")

    more = write(tmp_path, inventory_of(host_of(host), **settings(audit_extra=[EXTRA])))
    changed = run("prepare", more, "--role", "audit", *key).stdout
    assert "file /etc/audit/rules.d/tenantry.rules differs" in changed
    assert changed.endswith(f"{WAITS}1 changed.\n")
    assert run("prepare", more, "--role", "audit", *key).stdout == WAITS + AS_ASKED
    assert EXTRA not in host.run("auditctl -l")
    host.reboot()
    assert EXTRA in host.run("auditctl -l")
    assert run("prepare", more, "--role", "audit", *key).stdout == AS_ASKED
    run("facts", more, *key, "--output", tmp_path / "facts")
    assert "host-audit" not in denied(tmp_path / "facts" / "host-1.json")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("-a always,exit -F arch=b64 -S nosuchcall -k x", "Syscall name unknown: nosuchcall"),
        ("-w /no/such/folder/file -p wa -k x", "No such file or directory"),
    ],
)
def test_a_rule_that_does_not_load_is_never_put_in_place(
    rule: str, said: str, host: Guest, image: Image, tmp_path: Path
) -> None:
    key = ("--role", "audit", "--private-key", image.key)
    run("prepare", write(tmp_path, inventory_of(host_of(host), **settings(audit_immutable=False))), *key)
    before = host.run(STATE)
    bad = settings(audit_immutable=True, audit_extra=[rule])
    failed = run("prepare", write(tmp_path, inventory_of(host_of(host), **bad)), *key, expect=Exit.UNREACHABLE)
    told = " ".join(failed.stderr.split())
    assert f"the new rules weren't put in place: «{rule}» doesn't load" in told
    assert said in told
    assert host.run(STATE) == before
    good = write(tmp_path, inventory_of(host_of(host), **settings(audit_immutable=False)))
    assert run("prepare", good, *key).stdout == AS_ASKED


def test_what_does_not_load_at_a_boot_is_taken_back(host: Guest, image: Image, tmp_path: Path) -> None:
    key = ("--role", "audit", "--private-key", image.key)
    good = write(tmp_path, inventory_of(host_of(host)))
    run("prepare", good, *key)
    before = host.run(STATE)
    bad = inventory_of(host_of(host), **settings(audit_extra=["-w /no/such/folder/file -p wa -k x"]))
    run("prepare", write(tmp_path, bad), *key)
    host.reboot()
    failed = run("prepare", write(tmp_path, bad), *key, expect=Exit.UNREACHABLE)
    assert "the rules didn't load at the boot, and were taken back" in " ".join(failed.stderr.split())
    assert host.run(STATE) == before
    assert run("prepare", write(tmp_path, inventory_of(host_of(host))), *key).stdout == AS_ASKED


def test_records_are_copied_where_the_inventory_asks_for_it(host: Guest, image: Image, tmp_path: Path) -> None:
    host.run(
        f"mkdir -p /srv/records /srv/collector/plugins.d; printf '{COLLECTOR}' > /srv/collector/auditd.conf; "
        # A second auditd, which takes records from others and leaves the kernel's alone; each has its own /run.
        "chmod 640 /srv/collector/auditd.conf; systemd-run --quiet --unit collector --property PrivateMounts=yes "
        "--property TemporaryFileSystem=/run auditd -n -c /srv/collector"
    )
    key = ("--role", "audit", "--private-key", image.key)
    copied = write(tmp_path, inventory_of(host_of(host), **settings(audit_remote="127.0.0.1:6060")))
    assert "file /etc/audit/plugins.d/tenantry-remote.conf is missing" in run("prepare", copied, *key).stdout
    assert run("prepare", copied, *key).stdout == AS_ASKED
    host.run("sudo true", user="ops")
    host.run("until grep -q 'comm=\"sudo\"' /srv/records/audit.log; do sleep 1; done")

    alone = write(tmp_path, inventory_of(host_of(host)))
    assert "file /etc/audit/plugins.d/tenantry-remote.conf isn't to be there" in run("prepare", alone, *key).stdout
    assert run("prepare", alone, *key).stdout == AS_ASKED
    host.run("! pgrep -x audisp-remote")


def test_too_small_a_disk_is_refused_before_any_change(host: Guest, image: Image, tmp_path: Path) -> None:
    before = host.run(STATE)
    large = write(tmp_path, inventory_of(host_of(host), **settings(audit_files=999)))
    refused = run("prepare", large, "--private-key", image.key, expect=Exit.INPUT)
    assert "TEN-723 host-1: preflight refuses /var/log/audit" in refused.stderr
    assert "its disk is too small: 32032 MiB are to find room there" in " ".join(refused.stderr.split())
    assert host.run(STATE) == before
