"""Bundles: the same content gives the same bytes, and what was changed after it was signed is refused and told."""

import dataclasses
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
import yaml
from test_inventory import good

from tenantry.cli.hosts_bundle import show_bundle
from tenantry.cli.options import Format
from tenantry.hosts.binaries import OF_ROLES, describe_programs
from tenantry.hosts.bundle.archive import extract, write_archive
from tenantry.hosts.bundle.collect import Bundle, check_key, needs_of, signers_of
from tenantry.hosts.bundle.manifest import (
    Artefact,
    ArtefactKind,
    Asked,
    BundleName,
    BundleSpec,
    Manifest,
    System,
    read_manifest,
    write_manifest,
)
from tenantry.hosts.bundle.opening import opened_bundle
from tenantry.hosts.bundle.sbom import to_cyclonedx
from tenantry.hosts.bundle.signing import fingerprint, fingerprint_of_key, sign, signer_of
from tenantry.hosts.reading import read_inventory
from tenantry.problems import Exit, InputError

FILES = {
    "bin/etcd": b"\x7fELF etcd",
    "debian/Packages": b"Package: chrony\n",
    "debian/pool/main/c/chrony/chrony_4.3-2+deb12u1_amd64.deb": b"!<arch>\n",
    "debian/pool/main/a/a-name-that-is-much-longer-than-the-hundred-characters-of-an-old-tar/" + "x" * 60: b"long",
    "updates/lists/deb.debian.org_debian-security_dists_bookworm-security_InRelease": b"Suite: oldstable-security\n",
}
KINDS = {"bin": ArtefactKind.BINARY, "debian": ArtefactKind.PACKAGE, "updates": ArtefactKind.UPDATES}
SYSTEM = System("debian", "12", "amd64")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with two keys of OpenSSH's, `mine` and `other`."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("mine", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    return folder


def public(key: Path) -> str:
    return key.with_suffix(".pub").read_text().strip()


def artefact(path: str, content: bytes) -> Artefact:
    name = path.rpartition("/")[2].partition("_")[0]
    kind = KINDS[path.partition("/")[0]]
    digest = hashlib.sha256(content).hexdigest()
    return Artefact(kind, name, "1.0", "amd64", path, len(content), digest, "here", None)


def make(
    folder: Path,
    key: Path,
    *,
    change: Callable[[dict[str, bytes]], None] = lambda _: None,
    text: Callable[[bytes], bytes] = lambda text: text,
) -> Path:
    """Make a bundle; `change` is of its files once its manifest is made, `text` of the manifest once it is signed."""
    listed = tuple(artefact(path, content) for path, content in FILES.items())
    spec = BundleSpec("onprem", "tenantry 0", SYSTEM, Asked(("chrony",), ("etcd",)), (), listed)
    manifest = write_manifest(Manifest(BundleName("onprem"), spec))
    files = dict(FILES)
    change(files)
    parts = []
    for number, (path, content) in enumerate(files.items()):
        kept = folder / f"part-{number}"
        kept.write_bytes(content)
        parts.append((artefact(path, content), kept))
    write_archive(folder / "site.bundle", text(manifest), sign(manifest, key), parts)
    return folder / "site.bundle"


def test_a_bundle_is_verified_and_laid_out(keys: Path, tmp_path: Path) -> None:
    bundle = make(tmp_path, keys / "mine")
    out = tmp_path / "out"
    out.mkdir()
    head = extract(bundle, [public(keys / "other"), public(keys / "mine")], out)
    assert head.signer == fingerprint(public(keys / "mine")) == fingerprint_of_key(keys / "mine")
    assert {path: (out / path).read_bytes() for path in FILES} == FILES
    assert read_manifest((out / "manifest.json").read_bytes(), "") == head.manifest


def test_hosts_are_told_of_binaries_by_the_bundle_alone(keys: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    extract(make(tmp_path, keys / "mine"), [public(keys / "mine")], tmp_path / "out")
    machines = read_inventory(inventory(tmp_path))
    told = describe_programs(machines, ["etcd", "time"], [], tmp_path / "out")
    digest = hashlib.sha256(FILES["bin/etcd"]).hexdigest()
    path = f"/usr/local/lib/tenantry/etcd-1.0-{digest[:12]}/etcd"
    source = str(tmp_path / "out" / "bin" / "etcd")
    assert told == {"etcd": [{"name": "etcd", "version": "1.0", "source": source, "sha256": digest, "path": path}]}
    assert describe_programs(machines, ["time"], [], None) == {}
    with pytest.raises(KeyError, match="versitygw"):
        describe_programs(machines, [], ["host-5"], tmp_path / "out")


def test_the_same_content_gives_the_same_bytes(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(tmp_path, keys / "mine").read_bytes()
    os.utime(tmp_path / "part-0", (1, 1))
    assert make(tmp_path, keys / "mine").read_bytes() == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert {(one.mtime, one.uid, one.uname) for one in tar} == {(0, 0, "")}
        assert tar.getmember("bin/etcd").mode == 0o755
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with tarfile.open(make(tmp_path, keys / "mine")) as tar:
        assert {one.mtime for one in tar} == {1700000000}


def test_a_bundle_that_is_cut_off_leaves_no_half_file(keys: Path, tmp_path: Path) -> None:
    bundle = make(tmp_path, keys / "mine")
    before = bundle.read_bytes()
    missing = artefact("bin/etcd", b"x"), tmp_path / "no-such-file"
    with pytest.raises(FileNotFoundError):
        write_archive(bundle, b"{}", b"", [missing])
    assert bundle.read_bytes() == before
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".site")]


DEB = "debian/pool/main/c/chrony/chrony_4.3-2+deb12u1_amd64.deb"
TAMPERED: dict[str, tuple[Callable[[dict[str, bytes]], object], list[str]]] = {
    "a program": (lambda files: files.update({"bin/etcd": b"\x7fELF evil"}), ["bin/etcd differs"]),
    "a package of the same length": (lambda files: files.update({DEB: b"!<arcH>\n"}), [f"{DEB} differs"]),
    "a file more": (lambda files: files.update({"bin/more": b"x"}), ["bin/more isn't a file of its manifest"]),
    "a file that is missing": (lambda files: files.pop(DEB), [f"{DEB} is missing"]),
    "several": (
        lambda files: (files.pop(DEB), files.update({"bin/etcd": b"", "debian/Packages": b"Package: evil\n"})),
        ["bin/etcd differs", "debian/Packages differs", f"{DEB} is missing"],
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampered_files_are_all_told(name: str, keys: Path, tmp_path: Path) -> None:
    change, said = TAMPERED[name]
    bundle = make(tmp_path, keys / "mine", change=lambda files: change(files) and None)
    with pytest.raises(InputError) as refused:
        extract(bundle, [public(keys / "mine")], None)
    assert [one.code for one in refused.value.problems] == ["TEN-783"] * len(said)
    assert all(any(part in one.message for one in refused.value.problems) for part in said)
    assert all(one.file == str(bundle) and one.fix for one in refused.value.problems)


def test_a_tampered_manifest_and_another_signer_are_refused(keys: Path, tmp_path: Path) -> None:
    tampered = make(tmp_path, keys / "mine", text=lambda text: text.replace(b'"1.0"', b'"1.1"', 1))
    with pytest.raises(InputError, match="TEN-782") as refused:
        extract(tampered, [public(keys / "mine")], None)
    assert fingerprint(public(keys / "mine")) in str(refused.value)
    with pytest.raises(InputError, match="TEN-782"):
        extract(make(tmp_path, keys / "other"), [public(keys / "mine")], None)


def test_a_signature_for_another_purpose_is_none(keys: Path, tmp_path: Path) -> None:
    content = b"{}"
    done = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", keys / "mine", "-n", "git"],
        input=content,
        capture_output=True,
        check=True,
    )
    with pytest.raises(InputError, match="TEN-782"):
        signer_of(content, done.stdout, [public(keys / "mine")], "x")
    assert signer_of(content, sign(content, keys / "mine"), [public(keys / "mine")], "x")


@pytest.mark.parametrize("size", [0, 100, 700, 5000, -1, -2000])
def test_what_is_cut_off_or_no_bundle_is_refused(size: int, keys: Path, tmp_path: Path) -> None:
    bundle = make(tmp_path, keys / "mine")
    whole = bundle.read_bytes().rstrip(b"\0")
    bundle.write_bytes(whole[:size])
    with pytest.raises(InputError) as refused:
        extract(bundle, [public(keys / "mine")], None)
    assert {one.code for one in refused.value.problems} <= {"TEN-782", "TEN-783"}


def test_links_and_ways_out_are_never_followed(keys: Path, tmp_path: Path) -> None:
    bundle = make(tmp_path, keys / "mine")
    with tarfile.open(bundle, "a") as tar:
        link = tarfile.TarInfo("../out-of-it")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    with pytest.raises(InputError, match=r"\.\./out-of-it isn't a file of its manifest"):
        extract(bundle, [public(keys / "mine")], out)
    assert not (tmp_path / "deep" / "out-of-it").is_symlink()


def test_a_signed_manifest_that_leads_out_of_its_folder_is_refused() -> None:
    spec = BundleSpec("onprem", "t", SYSTEM, Asked((), ()), (), (artefact("bin/../../../etc/cron.d/x", b""),))
    with pytest.raises(InputError, match=r"TEN-783 .*spec\.artefacts\.0\.path"):
        read_manifest(write_manifest(Manifest(BundleName("onprem"), spec)), "x")


def inventory(folder: Path, *signers: str, **settings: object) -> Path:
    document = good()
    if signers:
        document["spec"]["bundle"] = {"signers": list(signers)}
    document["spec"]["settings"] = settings
    file = folder / "onprem.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def test_what_roles_need_is_asked_of_the_roles(tmp_path: Path) -> None:
    needs = needs_of(read_inventory(inventory(tmp_path, audit={"audit_remote": "log1:60"})))
    assert needs.asked.binaries == tuple(sorted(name for names in OF_ROLES.values() for name in names))
    assert {"audispd-plugins", "auditd", "chrony", "containerd", "nftables", "openssh-server", "sudo"} <= set(
        needs.asked.packages
    )
    source = {"uri": "https://mirror.gov.example/debian", "suites": ["bookworm"], "components": ["main"]}
    needs = needs_of(read_inventory(inventory(tmp_path, packages={"packages_sources": [source]})))
    assert "audispd-plugins" not in needs.asked.packages
    assert [one.uri for one in needs.archives] == ["https://mirror.gov.example/debian"]


def test_a_bundle_that_lacks_what_roles_need_is_refused(keys: Path, tmp_path: Path) -> None:
    machines = read_inventory(inventory(tmp_path, public(keys / "mine")))
    lacking = r"TEN-784 .*lacks auditd.*sudo.*versitygw"
    with pytest.raises(InputError, match=lacking), opened_bundle(make(tmp_path, keys / "mine"), machines):
        pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (("--bundle", "site.bundl"), "name site.bundle, if that was meant"),
        (("--private-key", "."), "check its name and its permissions"),
    ],
)
def test_a_file_that_is_not_there_is_told_as_everywhere(words: tuple[str, str], fix: str, tmp_path: Path) -> None:
    (tmp_path / "site.bundle").touch()
    command = [sys.executable, "-m", "tenantry", "hosts", "prepare", inventory(tmp_path).name, *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == Exit.INPUT
    assert "TEN-100" in done.stderr
    assert f", at {words[1]}." in done.stderr
    assert fix in done.stderr


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("updates", [True, False])
def test_a_bundle_that_tells_of_no_updates_says_so(
    updates: bool, form: Format, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = extract(make(tmp_path, keys / "mine"), [public(keys / "mine")], None).manifest
    kept = tuple(one for one in made.spec.artefacts if updates or one.kind is not ArtefactKind.UPDATES)
    spec = dataclasses.replace(made.spec, artefacts=kept)
    show_bundle(Bundle(tmp_path, Manifest(made.metadata, spec), "me", "0" * 64, written=True), form)
    assert ("host-patches" in capsys.readouterr().err) is not updates


def test_who_signs_is_said_by_the_inventory(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TEN-780"):
        signers_of(read_inventory(inventory(tmp_path)))
    machines = read_inventory(inventory(tmp_path, public(keys / "mine")))
    check_key(machines, keys / "mine")
    with pytest.raises(InputError, match="TEN-781 the signing key is SHA256:"):
        check_key(machines, keys / "other")
    (tmp_path / "none").write_text("no key")
    with pytest.raises(InputError, match="TEN-781 the signing key can't be read"):
        check_key(machines, tmp_path / "none")


def test_the_parts_are_listed_as_scanners_read_them() -> None:
    parts = [artefact("bin/etcd", b"x"), artefact(DEB, b"y")]
    text = to_cyclonedx("onprem", "tenantry 0", SYSTEM, parts, {"etcd": "go.etcd.io/etcd/server/v3"})
    assert to_cyclonedx("onprem", "tenantry 0", SYSTEM, parts, {"etcd": "go.etcd.io/etcd/server/v3"}) == text
    assert [one["purl"] for one in orjson.loads(text)["components"]] == [
        "pkg:golang/go.etcd.io/etcd/server/v3@v1.0",
        "pkg:deb/debian/chrony@1.0?arch=amd64&distro=debian-12",
    ]
