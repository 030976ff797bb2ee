"""Where tenantry keeps what it makes on this machine, by the XDG base directory specification."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_state_path


def cache_dir() -> Path:
    """Return the folder for what can be made again: built binaries, downloaded modules."""
    return user_cache_path("tenantry")


def state_dir() -> Path:
    """Return the folder for what can't: sandbox data, stack state, connections. `TENANTRY_STATE` overrides it."""
    override = os.environ.get("TENANTRY_STATE")
    return Path(override).resolve() if override else user_state_path("tenantry")


def connections_dir() -> Path:
    """Return the folder with one connection file a site, `<site>.json`. `TENANTRY_CONNECTIONS` overrides it."""
    override = os.environ.get("TENANTRY_CONNECTIONS")
    return Path(override).resolve() if override else state_dir() / "connections"


def certificates_dir(named: Path | None = None) -> Path:
    """Return the folder for the certificates of retirement: the one that was `named`, or one in the state folder."""
    return (named or state_dir() / "certificates").absolute()


def site_dir(site: str) -> Path:
    """Return the folder for what a site of hosts can't be run without, such as the keys of its authorities."""
    return state_dir() / "hosts" / site
