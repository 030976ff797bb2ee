"""Packages of Debian with all that they depend on, as apt itself resolves, fetches and verifies them."""

import glob
import re
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import orjson

from tenantry.files import file_digest, write_atomic
from tenantry.hosts.bundle.apt import Apt, Archive, Progress, own_archives, private_apt
from tenantry.hosts.bundle.manifest import Source, System
from tenantry.problems import InputError, UnreachableError, problem

_INST = re.compile(r"^Inst (\S+?)(?::\S+)? \((\S+) ")
_PERCENT = re.compile(r"^dlstatus:\d+:([\d.]+):")
_URI = re.compile(r"^'([^']+)' (\S+) ")
_LICENCE = re.compile(r"^License:\s*(\S.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """A package as its archive's signed index has it, whose own text is `stanza`; `file` is where it was fetched to."""

    name: str
    version: str
    architecture: str
    filename: str
    size: int
    sha256: str
    origin: str
    stanza: str
    file: Path
    licence: str | None


@dataclass(frozen=True, slots=True)
class SecurityIndex:
    """A suite of security updates, signed at `date` (UTC): the line that names it to apt, and apt's files of it."""

    line: str
    date: str
    uri: str
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Packages, what system they are of, the signed indexes that said so, and those of them that tell of security."""

    system: System
    sources: tuple[Source, ...]
    packages: tuple[Package, ...]
    security: tuple[SecurityIndex, ...]


def fetch_packages(
    names: Sequence[str],
    archives: Sequence[Archive],
    suites: Sequence[str],
    keyrings: Sequence[str],
    progress: Progress,
) -> Fetched:
    """Fetch packages and all that they depend on, from `archives`, or else from where this machine's apt does.

    They are resolved for a system with nothing on it, so that whatever a host lacks of them is there. Raises InputError
    (TEN-785, TEN-787) and UnreachableError (TEN-786).
    """
    known = archives or own_archives(suites)
    with private_apt(known, keyrings) as apt:
        progress("reading the archives' indexes", 0, 0)
        apt.run("apt-get", "update")
        system, sources = _releases(apt, known)
        packages = _resolve(apt, names)
        _fetch(apt, packages, progress)
        licences = _licences(apt, packages, progress)
        licensed = tuple(replace(one, licence=licences[one.sha256] or None) for one in packages)
        return Fetched(system, sources, licensed, tuple(_security(apt, known)))


def _resolve(apt: Apt, names: Sequence[str]) -> list[Package]:
    """Name every package that is installed with those that are asked for, by name."""
    plan = apt.run("apt-get", "--simulate", "install", *names)
    chosen = [f"{one[1]}={one[2]}" for one in map(_INST.match, plan.splitlines()) if one]
    # With a folder that is empty: it names no files that are there already.
    none = f"Dir::Cache::archives={apt.folder / 'none'}"
    listed = apt.run("apt-get", "-qq", "-o", none, "--print-uris", "install", *names)
    uris = {found[2]: found[1] for found in map(_URI.match, listed.splitlines()) if found}
    shown = apt.run("apt-cache", "show", "--no-all-versions", *chosen)
    packages = {}
    for stanza in filter(None, (part.strip() for part in shown.split("\n\n"))):
        one = _package(apt, stanza, uris)
        packages[one.name] = one
    return [packages[name] for name in sorted(packages)]


def _package(apt: Apt, stanza: str, uris: Mapping[str, str]) -> Package:
    fields = dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.MULTILINE))
    kept = f"{fields['Package']}_{fields['Version'].replace(':', '%3a')}_{fields['Architecture']}.deb"
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        filename=fields["Filename"].removeprefix("./"),
        size=int(fields["Size"]),
        sha256=fields["SHA256"],
        origin=uris[kept],
        stanza=stanza,
        file=apt.archives / kept,
        licence=None,
    )


def _fetch(apt: Apt, packages: Sequence[Package], progress: Progress) -> None:
    """Fetch what isn't there yet, as the signed index has it."""
    for one in packages:
        if one.file.exists() and file_digest(one.file) != one.sha256:
            one.file.unlink()
    total = sum(one.size for one in packages)
    wanted = [f"{one.name}={one.version}" for one in packages]
    lines = apt.follow("apt-get", "--yes", "--download-only", "-o", "APT::Status-Fd=1", "install", *wanted)
    for line in lines:
        if found := _PERCENT.match(line):
            progress(f"fetching {len(packages)} packages", float(found[1]) / 100 * total, total)
    if wrong := [one.file.name for one in packages if not one.file.exists() or file_digest(one.file) != one.sha256]:
        what = f"packages aren't what their archive's index says: {', '.join(wrong)}"
        raise UnreachableError(problem("TEN-786", what, "run again; if it stays so, the archive's copy is damaged"))


def _licences(apt: Apt, packages: Sequence[Package], progress: Progress) -> Mapping[str, str]:
    """Give what packages say of their licences, by digest; empty for one that says nothing a program can read."""
    kept = apt.folder / "licences.json"
    known: dict[str, str] = orjson.loads(kept.read_bytes()) if kept.exists() else {}
    new = [one for one in packages if one.sha256 not in known]
    for done, one in enumerate(new):
        progress("reading licences", done, len(new))
        known[one.sha256] = _licence(one)
    if new:
        write_atomic(kept, orjson.dumps(known))
    return known


def _licence(package: Package) -> str:
    """Read the short names of licences in a package's copyright file, where it is in Debian's format 1.0."""
    command = ["dpkg-deb", "--fsys-tarfile", str(package.file)]
    wanted = f"./usr/share/doc/{package.name}/copyright"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as files:
                text = next((_text(files, one) for one in files if one.name == wanted and one.isreg()), "")
        finally:
            process.kill()
    if not text.startswith("Format:"):
        return ""
    return ", ".join(sorted(set(_LICENCE.findall(text))))[:1000]


def _text(files: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    source = files.extractfile(member)
    return source.read().decode("utf-8", "replace").lstrip("\ufeff") if source is not None else ""


def _releases(apt: Apt, archives: Sequence[Archive]) -> tuple[System, tuple[Source, ...]]:
    """Read of what system the suites are, from their signed indexes. Raises InputError (TEN-785) for several."""
    sources, systems = [], set()
    for uri, suite, file in _indexes(apt, archives):
        fields = dict(re.findall(r"^(Origin|Version): ([A-Za-z]+|\d+)", file.read_text(errors="replace"), re.MULTILINE))
        sources.append(Source(uri, suite, file_digest(file)))
        if "Version" in fields:
            systems.add((fields.get("Origin", "").lower(), fields["Version"]))
    if len(systems) != 1:
        named = " and ".join(sorted(" ".join(one) for one in systems)) or "no release"
        what = f"the suites are of {named}, and a bundle is for one release"
        fix = "name those of one in settings.packages (packages_suites, packages_sources)"
        raise InputError(problem("TEN-785", what, fix))
    (identity, version) = systems.pop()
    return System(identity, version, apt.architecture), tuple(sources)


def _security(apt: Apt, archives: Sequence[Archive]) -> Iterator[SecurityIndex]:
    """Give the indexes of security updates, which tell a host that reaches no archive what waits for it."""
    for archive in archives:
        for uri, suite, file in _indexes(apt, [archive]):
            text = file.read_text(errors="replace")
            date = re.search(r"^Date: (.+)$", text, re.MULTILINE)
            if date and re.search(r"^Suite: \S+-security$", text, re.MULTILINE):
                place = file.name.removesuffix("InRelease")
                yield SecurityIndex(
                    line=f"deb {uri} {suite} {' '.join(archive.components)}\n",
                    date=parsedate_to_datetime(date[1]).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    uri=uri,
                    files={one.name: one for one in sorted(file.parent.glob(f"{glob.escape(place)}*"))},
                )


def _indexes(apt: Apt, archives: Sequence[Archive]) -> Iterator[tuple[str, str, Path]]:
    for archive in archives:
        # As apt names what it fetches: the address without its scheme, its slashes made underscores.
        place = re.sub(r"^[a-z+]+:(//)?", "", archive.uri).rstrip("/").replace("/", "_")
        for suite in archive.suites:
            yield archive.uri, suite, apt.folder / "lists" / f"{place}_dists_{suite.replace('/', '_')}_InRelease"
