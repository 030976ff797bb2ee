"""What of a host waits for a boot: the words that Debian's own kernel has of itself are read right."""

import os
from types import ModuleType

import pytest

from playbook_modules import load

RELEASE = "6.1.0-41-amd64"
BUILT = "6.1.158-1"


@pytest.fixture
def host_upgrade(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module as hosts have it, on a host that runs Debian's kernel and has no other file in /boot."""
    module = load("library/host_upgrade.py")
    told = os.uname_result(
        ("Linux", "host-1", RELEASE, f"#1 SMP PREEMPT_DYNAMIC Debian {BUILT} (2025-11-09)", "x86_64")
    )
    files = {
        "/proc/version": f"Linux version {RELEASE} (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) "
        f"12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC Debian {BUILT} (2025-11-09)",
        "/proc/1/maps": "7f10 r-xp 00000000 fe:00 4711 /usr/lib/x86_64-linux-gnu/libc.so.6",
    }
    monkeypatch.setattr(os, "uname", lambda: told)
    monkeypatch.setattr(module.os.path, "exists", lambda path: path != module.REQUIRED)
    monkeypatch.setattr(module.glob, "glob", lambda _: [f"/boot/vmlinuz-{RELEASE}"])
    monkeypatch.setattr(module, "read", files.get)
    return module


@pytest.mark.parametrize(
    ("package", "waits"),
    [
        (f"installed {BUILT}", []),
        ("installed 6.1.162-1", [f"the kernel {BUILT} runs, and 6.1.162-1 is installed"]),
        ("config-files 6.1.162-1", []),
        ("", []),
    ],
)
def test_a_kernel_is_older_only_than_another_build_of_its_package(
    host_upgrade: ModuleType, monkeypatch: pytest.MonkeyPatch, package: str, waits: list[str]
) -> None:
    monkeypatch.setattr(host_upgrade, "command", lambda *_: (0, package, ""))
    assert list(host_upgrade.waits_for_boot()) == waits


def test_a_newer_kernel_and_an_older_libc_wait(host_upgrade: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_upgrade, "command", lambda *_: (0, f"installed {BUILT}", ""))
    monkeypatch.setattr(host_upgrade.glob, "glob", lambda _: [f"/boot/vmlinuz-{r}" for r in ("6.1.0-9-amd64", RELEASE)])
    assert list(host_upgrade.waits_for_boot()) == []
    newer = "6.1.0-102-amd64"
    monkeypatch.setattr(host_upgrade.glob, "glob", lambda _: [f"/boot/vmlinuz-{r}" for r in (RELEASE, newer)])
    monkeypatch.setattr(host_upgrade, "read", lambda _: "7f10 r-xp /usr/lib/x86_64-linux-gnu/libc.so.6 (deleted)")
    assert list(host_upgrade.waits_for_boot()) == [
        f"the kernel {RELEASE} runs, and {newer} is installed",
        "the first process runs with an older libc",
    ]
