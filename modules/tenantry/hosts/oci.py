"""Images of containers without a registry: an OCI archive of files, always the same of the same ones.

Source: OCI image-spec 1.1, image-layout.md, manifest.md and config.md.
"""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_LAYOUT = {"imageLayoutVersion": "1.0.0"}
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_INDEX = "application/vnd.oci.image.index.v1+json"
# containerd takes the whole name from the first, other tools the tag from the second.
_NAMED = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_NOBODY = 65534


@dataclass(frozen=True)
class OciArchive:
    """An image's name, the digest of its manifest (`sha256:...`), and the archive, for `ctr images import`."""

    name: str
    digest: str
    data: bytes


def to_oci_archive(name: str, files: Mapping[str, bytes], entrypoint: Sequence[str], *, path: str = "") -> OciArchive:
    """Make an image for amd64 of programs, each mode 0755 at its path without a leading slash.

    It runs the entrypoint as nobody (65534), with `path` as its PATH. `name` is whole, with a registry and a tag.
    """
    layer = _tar(files, 0o755)
    packed = gzip.compress(layer, mtime=0)
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Entrypoint": list(entrypoint),
                "User": str(_NOBODY),
                **({"Env": [f"PATH={path}"]} if path else {}),
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, packed)],
        }
    )
    listed = {**_descriptor(_MANIFEST, manifest), "annotations": dict(zip(_NAMED, (name, _tag(name)), strict=True))}
    blobs = {f"blobs/sha256/{hashlib.sha256(one).hexdigest()}": one for one in (packed, config, manifest)}
    index = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [listed]})
    archive = _tar({"oci-layout": _json(_LAYOUT), "index.json": index, **blobs}, 0o644)
    return OciArchive(name, _digest(manifest), archive)


def _tag(name: str) -> str:
    return name.rpartition(":")[2]


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _tar(files: Mapping[str, bytes], mode: int) -> bytes:
    """Pack files, with the folders that they lie in, all of root and of 1970."""
    out = io.BytesIO()
    folders: list[str] = []
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            for depth in range(1, path.count("/") + 1):
                folder = "/".join(path.split("/")[:depth])
                if folder not in folders:
                    folders.append(folder)
                    one = tarfile.TarInfo(folder)
                    one.type, one.mode = tarfile.DIRTYPE, 0o755
                    archive.addfile(one)
            one = tarfile.TarInfo(path)
            one.size, one.mode = len(files[path]), mode
            archive.addfile(one, io.BytesIO(files[path]))
    return out.getvalue()
