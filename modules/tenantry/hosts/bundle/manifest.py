"""The manifest of a bundle: every file of it, what it is for and where it comes from; `stacks/schema/bundle.json`."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from tenantry.contract.reading.schema import API_VERSION, MOST_PROBLEMS, make_validator
from tenantry.contract.structure import structure, unstructure
from tenantry.data import schema_dir
from tenantry.problems import InputError, problem

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
INDEX = "debian/Packages"
UPDATES = "updates"
"""The folder of the indexes of security updates, as hosts have it."""
SBOM = "sbom/bundle.cdx.json"


class ArtefactKind(StrEnum):
    """What a file of a bundle is."""

    PACKAGE = "package"
    INDEX = "index"
    BINARY = "binary"
    SBOM = "sbom"
    UPDATES = "updates"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a bundle; `size` is in bytes, `licence` in the words of its package, `None` where nothing says it."""

    kind: ArtefactKind
    name: str
    version: str
    architecture: str
    path: str
    size: int
    sha256: str
    origin: str
    licence: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """A suite that packages were fetched from; `sha256` is of its signed index, InRelease."""

    uri: str
    suite: str
    sha256: str


@dataclass(frozen=True, slots=True)
class System:
    """What packages and binaries are for: ID and VERSION_ID of /etc/os-release, and processors as Debian calls them."""

    id: str
    version: str
    architecture: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the roles of an inventory's hosts ask for: packages without those that they depend on."""

    packages: tuple[str, ...]
    binaries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BundleSpec:
    """What a bundle is of, and what it holds."""

    site: str
    collector: str
    system: System
    needs: Asked
    sources: tuple[Source, ...]
    artefacts: tuple[Artefact, ...]


@dataclass(frozen=True, slots=True)
class BundleName:
    """The name of the inventory that a bundle is made of."""

    name: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `tenantry hosts bundle` signs."""

    metadata: BundleName
    spec: BundleSpec

    def of_kind(self, kind: ArtefactKind) -> list[Artefact]:
        """Give the artefacts of a kind."""
        return [one for one in self.spec.artefacts if one.kind is kind]


def write_manifest(manifest: Manifest) -> bytes:
    """Give a manifest as it is signed: the same content gives the same bytes."""
    document = {"apiVersion": API_VERSION, "kind": "Bundle", **unstructure(manifest)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def read_manifest(text: bytes, file: str) -> Manifest:
    """Read a manifest whose signature holds. Raises InputError (TEN-783) where it isn't as its schema says."""
    fix = "make the bundle with the same version of tenantry as you install it with"
    try:
        document: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(problem("TEN-783", f"the bundle's manifest isn't JSON: {error}", fix, file=file)) from error
    errors = list(islice(_validator().iter_errors(document), MOST_PROBLEMS))
    if errors:
        places = sorted({".".join(map(str, error.absolute_path)) or "its top" for error in errors})
        whats = (f"the bundle's manifest isn't as its schema says, at {place}" for place in places)
        raise InputError([problem("TEN-783", what, fix, file=file) for what in whats])
    return structure({name: document[name] for name in ("metadata", "spec")}, Manifest)


def total_size(artefacts: Sequence[Artefact]) -> int:
    """Give the bytes of all."""
    return sum(one.size for one in artefacts)


@cache
def _validator() -> "Validator":
    return make_validator(orjson.loads((schema_dir() / "bundle.json").read_bytes()), {})
