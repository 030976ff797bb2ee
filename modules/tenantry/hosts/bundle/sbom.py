"""The parts of a bundle as CycloneDX 1.6, which auditors' and scanners' tools read."""

import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import orjson

from tenantry.hosts.bundle.manifest import Artefact, ArtefactKind, System

_TYPES = {ArtefactKind.PACKAGE: "library", ArtefactKind.BINARY: "application"}


def to_cyclonedx(
    name: str, collector: str, system: System, artefacts: Sequence[Artefact], modules: Mapping[str, str]
) -> bytes:
    """Give the SBOM of packages and binaries; `modules` are the Go modules that binaries are built from.

    It says no time and takes its serial number from its content, so that the same parts give the same bytes.
    """
    parts = [_component(one, system, modules) for one in artefacts if one.kind in _TYPES]
    identity = " ".join([name, *(one.sha256 for one in artefacts)])
    tool, _, version = collector.partition(" ")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "component": {"type": "platform", "bom-ref": "bundle", "name": f"bundle of {name}"},
        },
        "components": parts,
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _component(one: Artefact, system: System, modules: Mapping[str, str]) -> dict[str, object]:
    component: dict[str, object] = {
        "type": _TYPES[one.kind],
        "bom-ref": one.path,
        "name": one.name,
        "version": one.version,
        "purl": _purl(one, system, modules),
        "hashes": [{"alg": "SHA-256", "content": one.sha256}],
    }
    if one.licence:
        component["licenses"] = [{"license": {"name": name}} for name in one.licence.split(", ")]
    if one.kind is ArtefactKind.PACKAGE:
        component["externalReferences"] = [{"type": "distribution", "url": one.origin}]
    return component


def _purl(one: Artefact, system: System, modules: Mapping[str, str]) -> str:
    """Give a part's package URL (purl-spec: types deb and golang)."""
    version = quote(one.version, safe="~.-_")
    if one.kind is ArtefactKind.BINARY:
        return f"pkg:golang/{modules[one.name]}@v{version}"
    distro = f"{system.id}-{system.version}"
    return f"pkg:deb/{system.id}/{quote(one.name, safe='')}@{version}?arch={one.architecture}&distro={distro}"
