"""What a worker is made of, without a host: images, blocks of pods, versions that fit."""

import gzip
import hashlib
import io
import json
import tarfile
from types import ModuleType

import pytest

from playbook_modules import load
from tenantry.contract.pods import pods_of
from tenantry.hosts.oci import OciArchive, to_oci_archive

FILES = {"pause": b"\x7fELF hold", "www/index.html": b"here"}


@pytest.fixture(scope="module")
def skews() -> ModuleType:
    """Give the hosts' module that compares versions."""
    return load("module_utils/host_skew.py")


def unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [one for one in archive.getmembers() if one.isfile()]
        return {one.name: archive.extractfile(one).read() for one in members}  # type: ignore[union-attr]


def blob(files: dict[str, bytes], digest: str) -> bytes:
    """Give what a digest names; it has to be what it says."""
    content = files[f"blobs/{digest.replace(':', '/')}"]
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
    return content


def made() -> OciArchive:
    return to_oci_archive("tenantry.dev/pause:1.37.2", FILES, ["/pause"])


def test_an_image_is_what_its_layout_says() -> None:
    image = made()
    files = unpack(image.data)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (listed,) = json.loads(files["index.json"])["manifests"]
    assert listed["digest"] == image.digest
    assert listed["annotations"]["io.containerd.image.name"] == image.name
    manifest = json.loads(blob(files, image.digest))
    config = json.loads(blob(files, manifest["config"]["digest"]))
    assert config["config"]["Entrypoint"] == ["/pause"]
    assert config["config"]["User"] == "65534"
    (layer,) = manifest["layers"]
    packed = blob(files, layer["digest"])
    assert layer["size"] == len(packed)
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
        assert [(one.name, one.mode) for one in archive] == [
            ("pause", 0o755),
            ("www", 0o755),
            ("www/index.html", 0o755),
        ]
    unpacked = hashlib.sha256(gzip.decompress(packed)).hexdigest()
    assert config["rootfs"]["diff_ids"] == [f"sha256:{unpacked}"]


def test_the_same_files_make_the_same_image_and_others_another() -> None:
    assert made() == made()
    other = to_oci_archive("tenantry.dev/pause:1.37.2", {**FILES, "pause": b"other"}, ["/pause"])
    assert other.digest != made().digest


@pytest.mark.parametrize(
    ("address", "hosts", "pods", "block"),
    [
        ("10.20.0.17", ["10.20.0.0/24"], ["10.128.0.0/14"], "10.128.17.0/24"),
        ("10.20.0.255", ["10.20.0.0/24"], ["10.128.0.0/16"], "10.128.255.0/24"),
        ("10.20.1.0", ["10.20.0.0/24", "10.20.1.0/24"], ["10.128.0.0/14"], "10.129.0.0/24"),
        ("10.20.0.17", ["10.20.0.0/24"], ["10.128.0.0/20", "10.200.0.0/16"], "10.200.1.0/24"),
        ("10.20.0.17", ["10.20.0.0/24"], ["10.128.0.0/20"], None),
        ("10.20.0.0", ["10.20.0.0/24"], ["10.128.0.0/25"], None),
        ("10.20.0.1", ["10.20.0.0/24"], ["fd00:1::/56", "10.128.0.0/14"], "10.128.1.0/24"),
        ("10.99.0.1", ["10.20.0.0/24"], ["10.128.0.0/14"], None),
    ],
)
def test_a_hosts_pods_have_the_block_of_its_address(
    address: str, hosts: list[str], pods: list[str], block: str | None
) -> None:
    assert pods_of(address, hosts, pods) == block


@pytest.mark.parametrize(
    ("kubelet", "server", "said"),
    [
        ("1.37.2", "v1.37.2", ""),
        ("1.37.9", "v1.37.0", ""),
        ("1.34.0", "v1.37.2", ""),
        ("1.33.9", "v1.37.2", "it is more than 3 minor versions older than the API server, v1.37.2"),
        ("1.38.0", "v1.37.2", "it is newer than the API server, v1.37.2"),
        ("2.0.0", "v1.37.2", "it is newer than the API server, v1.37.2"),
        ("1.37.2", "v2.0.0", "it is more than 3 minor versions older than the API server, v2.0.0"),
        ("1.37.2", "unknown", "1.37.2 and unknown can't be compared"),
        ("1.37.2", "v1.37.2+build.7", ""),
    ],
)
def test_a_kubelet_is_never_newer_and_not_too_old(skews: ModuleType, kubelet: str, server: str, said: str) -> None:
    assert skews.skew(kubelet, server, 3) == said
