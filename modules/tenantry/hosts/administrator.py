"""The keys of the object store's administrator, where tenantry runs: made there, or the operator's own."""

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from tenantry.contract.model import HostRole, Inventory, InventoryHost
from tenantry.paths import site_dir
from tenantry.problems import InputError, Problem, problem
from tenantry.storekeys import StoreKeys, new_keys, read_keys, write_keys

_ACCESS = re.compile(r"[A-Za-z0-9]{16,128}")
_SECRET = re.compile(r"[A-Za-z0-9/+=_-]{32,128}")
_DISTINCT = 12
_SETTING = "objectstore_keys_file"
_ROTATE = "let others be made: leave the setting out, and remove what was made before"


def judge_administrator(inventory: Inventory) -> None:
    """Refuse keys that others can read, that come with documentation, or that can be guessed.

    A file that isn't there is made by the role, where no other is named. Raises InputError (TEN-758).
    """
    stores = [host for host in inventory.spec.hosts if HostRole.OBJECT_STORE in host.roles]
    site = inventory.spec.site
    problems = [found for host in stores for found in _judge(host.name, site, *_named(inventory, host))]
    if problems:
        raise InputError(problems)


def keys_file(kept: Path, named: str) -> Path:
    """Return where a site's keys lie: the file that was named, or that of the site's folder."""
    return Path(named) if named else kept / "objectstore" / "credentials"


def ensure_keys(kept: Path, named: str, site: str) -> tuple[StoreKeys, str]:
    """Give a site's keys, made where there are none, and what is to be said of it. Raises OSError or ValueError."""
    file, said = keys_file(kept, named), ""
    if not named:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(file.parent / "lock"):
            if not file.exists():
                write_keys(file, site, new_keys())
                said = f"the keys of the object store's administrator are in {file}, under the profile {site}"
    return read_keys(file, site), said


def _named(inventory: Inventory, host: InventoryHost) -> tuple[Path, bool]:
    """Give the file of a host's keys, and whether the inventory names it."""
    layers = (host.settings, inventory.spec.settings)
    named = next((str(one["objectstore"][_SETTING]) for one in layers if _SETTING in one.get("objectstore", {})), "")
    return keys_file(site_dir(inventory.spec.site), named), bool(named)


def _judge(host: str, site: str, file: Path, named: bool) -> Iterator[Problem]:
    what = f"{host}: {_SETTING if named else 'the file of keys'} {file}"
    if not file.exists():
        if named:
            yield problem("TEN-758", f"{what} isn't there", "leave the setting out, and one is made")
        return
    try:
        mode = file.stat().st_mode
        keys = read_keys(file, site)
    except (OSError, ValueError) as error:
        yield problem("TEN-758", f"{what} can't be used: {error}", f"write the keys under [{site}] there")
        return
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield problem("TEN-758", f"{what} is open to others, with mode {stat.S_IMODE(mode):04o}", f"chmod 600 {file}")
    for why in _unfit(keys):
        yield problem("TEN-758", f"{what} has keys that aren't fit: {why}", _ROTATE)


def _unfit(keys: StoreKeys) -> Iterator[str]:
    """Say why keys are none; what they are isn't told."""
    if not _ACCESS.fullmatch(keys.access):
        yield "the access key isn't 16 to 128 letters and digits"
    if not _SECRET.fullmatch(keys.secret):
        yield "the secret isn't 32 to 128 letters, digits and /+=_-"
    elif len(set(keys.secret)) < _DISTINCT or keys.access in keys.secret:
        yield "the secret can be guessed"
    if any("example" in one.lower() for one in (keys.access, keys.secret)):
        yield "they are an example of somebody's documentation"
