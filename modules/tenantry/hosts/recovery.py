"""The files with passphrases that open disks once a host's own key is lost; what they hold is never told."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tenantry.contract.model import Inventory
from tenantry.problems import InputError, Problem, problem

_LEAST, _MOST = 20, 512


def judge_recovery(inventory: Inventory) -> None:
    """Refuse a file that others can read, or that holds no passphrase of 20 to 512 characters in one line.

    One that isn't there isn't wrong: it is needed where a disk is encrypted, and nowhere else. Raises InputError
    (TEN-754).
    """
    settings = [inventory.spec.settings, *(host.settings for host in inventory.spec.hosts)]
    files = {str(one["storage"]["storage_recovery_file"]) for one in settings if _is_set(one)}
    problems = [found for file in sorted(files) if os.path.lexists(file) for found in _judge(Path(file))]
    if problems:
        raise InputError(problems)


def _is_set(settings: object) -> bool:
    return isinstance(settings, dict) and bool(settings.get("storage", {}).get("storage_recovery_file"))


def _judge(file: Path) -> Iterator[Problem]:
    what = f"storage_recovery_file {file}"
    try:
        seen = file.stat()
        text = file.read_text().rstrip()
    except (OSError, UnicodeDecodeError) as error:
        yield problem("TEN-754", f"{what} can't be read: {error}", "let it be a file of text that you can read")
        return
    if seen.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield problem(
            "TEN-754", f"{what} is open to others, with mode {stat.S_IMODE(seen.st_mode):04o}", f"chmod 600 {file}"
        )
    if not _LEAST <= len(text) <= _MOST or not text.isprintable():
        fix = f"make one anew where no disk has it yet: head -c 32 /dev/urandom | base64 > {file}"
        yield problem("TEN-754", f"{what} doesn't hold one line of {_LEAST} to {_MOST} characters", fix)
