"""Where the state of stacks lives: a folder of this machine, or a bucket."""

from dataclasses import dataclass
from pathlib import Path

_FILES = "file://"


@dataclass(frozen=True, slots=True)
class Backend:
    """A place for state; `address` as in PULUMI_BACKEND_URL: `file://...`, `s3://...`, `gs://...`, `azblob://...`."""

    address: str

    @property
    def url(self) -> str:
        """Give the address for Pulumi.

        In a folder, files are kept without the attributes that its library would put beside each: those aren't written
        whole, and one that a kill cut off made a stack unreadable ("failed to load checkpoint: EOF").
        """
        where, _, query = self.address.partition("?")
        if not where.startswith(_FILES) or "metadata=" in query:
            return self.address
        return f"{where}?{'&'.join(filter(None, (query, 'metadata=skip')))}"

    @property
    def folder(self) -> Path | None:
        """Give the folder where state lives; none where it isn't in files of this machine."""
        where = self.address.partition("?")[0]
        return Path(where.removeprefix(_FILES)).expanduser() / ".pulumi" if where.startswith(_FILES) else None
