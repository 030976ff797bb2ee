"""apt in a folder of its own: with archives and keys that are named, an empty system, and nothing of this machine's."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from tenantry.paths import cache_dir
from tenantry.problems import InputError, UnreachableError, problem

_LAST_LINES = 4
_DROPPED = ("APT::Update::Post-Invoke", "APT::Update::Post-Invoke-Success", "Acquire::IndexTargets::deb::DEP-11")

Progress = Callable[[str, float, float], None]
"""Is told what is being done, and how much of how much is done; of 0 where nobody knows."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of packages, with the suites and components that are taken of it."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Apt:
    """apt in its folder; what it fetched stays there for the next time."""

    folder: Path
    architecture: str

    def run(self, *words: str) -> str:
        """Run a program of apt's, and give what it printed. Raises UnreachableError (TEN-786) where it fails."""
        return "".join(self.follow(*words))

    def follow(self, *words: str) -> Iterator[str]:
        """Run a program of apt's, and give each line that it prints. Raises UnreachableError (TEN-786)."""
        command = [words[0], "-c", str(self.folder / "apt.conf"), *words[1:]]
        environment = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"}
        with (self.folder / "errors").open("w+") as errors:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
            try:
                yield from process.stdout or ()
            except BaseException:
                process.terminate()
                raise
            finally:
                code = process.wait()
            errors.seek(0)
            said = errors.read()
        if code:
            raise _failed(words, said)

    @property
    def archives(self) -> Path:
        """Give the folder of the packages that were fetched."""
        return self.folder / "archives"


def architecture() -> str:
    """Give this machine's processors as Debian calls them. Raises UnreachableError (TEN-785) where dpkg isn't there."""
    return _tool("dpkg", "--print-architecture").strip()


def own_archives(suites: Sequence[str]) -> tuple[Archive, ...]:
    """Give what this machine's apt fetches those suites of Debian's from. Raises InputError (TEN-785) for none."""
    said = _tool("apt-get", "indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(CREATED_BY)")
    found: dict[tuple[str, str], list[str]] = {}
    for line in said.splitlines():
        origin, uri, suite, component, kind = line.split("|")
        if origin == "Debian" and suite in suites and kind == "Packages":
            found.setdefault((uri, suite), []).append(component)
    if missing := [suite for suite in suites if suite not in {key[1] for key in found}]:
        what = f"apt on this machine knows no archive of Debian's with {', '.join(missing)}"
        fix = "run apt-get update, or name archives in settings.packages.packages_sources"
        raise InputError(problem("TEN-785", what, fix))
    return tuple(Archive(uri, (suite,), tuple(sorted(set(parts)))) for (uri, suite), parts in sorted(found.items()))


@contextmanager
def private_apt(archives: Sequence[Archive], keyrings: Sequence[str]) -> Iterator[Apt]:
    """Give an apt that knows these archives alone, signed with these keys; one process has it at a time.

    Raises InputError (TEN-785) where a keyring isn't there.
    """
    if missing := [keyring for keyring in keyrings if not Path(keyring).is_file()]:
        fix = "install debian-archive-keyring, or name another file in settings.packages.packages_keyring"
        raise InputError(problem("TEN-785", f"there is no keyring {one}", fix) for one in missing)
    processor = architecture()
    sources = "\n".join(_source(one, keyrings) for one in archives)
    digest = hashlib.sha256(f"{processor}\n{sources}".encode()).hexdigest()[:16]
    folder = cache_dir() / "bundles" / f"apt-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        for name in ("lists/partial", "archives/partial", "sources", "none/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        # Nothing is installed: then whatever a package depends on is named, down to the C library.
        (folder / "status").write_text("")
        (folder / "sources" / "bundle.sources").write_text(sources)
        (folder / "apt.conf").write_text(_configuration(folder, processor))
        yield Apt(folder, processor)


def _source(archive: Archive, keyrings: Sequence[str]) -> str:
    lines = {
        "Types": "deb",
        "URIs": archive.uri,
        "Suites": " ".join(archive.suites),
        "Components": " ".join(archive.components),
        "Signed-By": " ".join(keyrings),
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items() if value)


def _configuration(folder: Path, processor: str) -> str:
    settings = {
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": folder / "sources",
        "Dir::Etc::trusted": "/dev/null",
        "Dir::Etc::trustedparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": processor,
        "APT::Install-Recommends": "false",
        "APT::Get::AllowUnauthenticated": "false",
        "APT::Update::Error-Mode": "any",
        "APT::Sandbox::User": "root",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::AllowWeakRepositories": "false",
        "Acquire::AllowDowngradeToInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    lines = [f'{name} "{value}";\n' for name, value in settings.items()]
    return "".join([*lines, *(f"#clear {name};\n" for name in _DROPPED), f'APT::Architectures {{ "{processor}"; }};\n'])


def _failed(words: Sequence[str], said: str) -> Exception:
    lines = [line.partition(" ")[2] for line in said.splitlines() if line.startswith(("E: ", "W: "))]
    unknown = [line.split()[-1] for line in lines if line.startswith("Unable to locate package")]
    if unknown:
        fix = "correct its name, or name an archive that has it in settings.packages.packages_sources"
        return InputError(problem("TEN-787", f"no archive has the package {name}", fix) for name in unknown)
    why = "; ".join(lines[-_LAST_LINES:]) or "it says nothing"
    what = f"packages can't be fetched, {words[0]} {words[1]} fails: {why.rstrip('.')}"
    fix = "see that the archives are reached, and signed with the keys of settings.packages.packages_keyring"
    return UnreachableError(problem("TEN-786", what, fix))


def _tool(*words: str) -> str:
    found = shutil.which(words[0])
    if found is None:
        what = f"there is no {words[0]} on this machine"
        raise UnreachableError(problem("TEN-785", what, "make the bundle on a machine with Debian"))
    done = subprocess.run([found, *words[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        what = f"{' '.join(words[:2])} fails: {done.stderr.strip()}"
        raise UnreachableError(problem("TEN-785", what, "mend it, or make the bundle on another machine"))
    return done.stdout
