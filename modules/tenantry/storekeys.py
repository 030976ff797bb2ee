"""The keys of an object store's administrator, in a file as AWS's own tools have them: a profile a site."""

import configparser
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from tenantry.files import write_atomic

_ACCESS, _SECRET = "aws_access_key_id", "aws_secret_access_key"


@dataclass(frozen=True)
class StoreKeys:
    """An access key, and the secret that proves it."""

    access: str
    secret: str = field(repr=False)


def new_keys() -> StoreKeys:
    """Make keys that nobody guesses."""
    return StoreKeys(f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))


def read_keys(file: Path, profile: str) -> StoreKeys:
    """Read the keys of a profile. Raises OSError where the file can't be read, ValueError where it hasn't them."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        return StoreKeys(parser[profile][_ACCESS], parser[profile][_SECRET])
    except (configparser.Error, KeyError, UnicodeDecodeError):
        # Its own message would quote the line.
        raise ValueError(f"it has no profile {profile} with {_ACCESS} and {_SECRET}") from None


def write_keys(file: Path, profile: str, keys: StoreKeys) -> None:
    """Write keys as a profile, readable for their owner alone."""
    write_atomic(file, f"[{profile}]\n{_ACCESS} = {keys.access}\n{_SECRET} = {keys.secret}\n".encode())
