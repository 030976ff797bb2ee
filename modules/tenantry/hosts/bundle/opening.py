"""Opens a bundle for a run over hosts: verified whole, and held to what the roles need, before any host is reached."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tenantry.contract.model import Inventory
from tenantry.hosts.bundle.archive import extract
from tenantry.hosts.bundle.collect import Needs, needs_of, signers_of
from tenantry.hosts.bundle.manifest import ArtefactKind, Manifest
from tenantry.interrupts import term_raises
from tenantry.paths import cache_dir
from tenantry.problems import InputError, problem


@contextmanager
def opened_bundle(file: Path, inventory: Inventory) -> Iterator[Path]:
    """Give a folder with a bundle's files, which is gone afterwards.

    Raises InputError: TEN-780 where the inventory names no signers, TEN-782 where none of them signed it, TEN-783 where
    it isn't what was signed, TEN-784 where it lacks what the roles need.
    """
    signers = signers_of(inventory)
    place = cache_dir() / "bundles"
    place.mkdir(parents=True, exist_ok=True)
    with term_raises(), tempfile.TemporaryDirectory(dir=place, prefix="opened-") as folder:
        manifest = extract(file, signers, Path(folder)).manifest
        if lacking := lacks(manifest, needs_of(inventory)):
            what = f"the bundle was made for other roles or settings, and lacks {', '.join(lacking)}"
            fix = "make it anew from this inventory, with `tenantry hosts bundle`"
            raise InputError(problem("TEN-784", what, fix, file=str(file)))
        yield Path(folder)


def lacks(manifest: Manifest, needs: Needs) -> list[str]:
    """Name what roles need and a bundle hasn't."""
    packages = {one.name for one in manifest.of_kind(ArtefactKind.PACKAGE)}
    binaries = {one.name for one in manifest.of_kind(ArtefactKind.BINARY)}
    return [name for name in needs.asked.packages if name not in packages] + [
        name for name in needs.asked.binaries if name not in binaries
    ]
