"""Writes the catalogue as JSON-LD, in the terms of DCAT 3 and DCAT-AP 3; `stacks/schema/catalogue.json` says its form.

Who may read a dataset is `dct:accessRights`, a word of the EU's authority table. Which grant opens it, to whom and
until when, is said for people by `dct:rights`, and for programs by an ODRL agreement, as DCAT 3 would have it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from tenantry.catalogue.entries import Entry, Share
from tenantry.contract.model import BucketAccess, Department, PublishedFile

Node = dict[str, Any]

DOCUMENT, PAGE = "catalogue.jsonld", "index.html"
"""The files of a catalogue."""
PUBLIC = "http://publications.europa.eu/resource/authority/access-right/PUBLIC"
RESTRICTED = "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
_MEDIA_TYPES = "http://www.iana.org/assignments/media-types/"
_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "odrl": "http://www.w3.org/ns/odrl/2/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_ACTIONS = {
    BucketAccess.READ: ("read",),
    BucketAccess.WRITE: ("modify",),
    BucketAccess.READ_WRITE: ("read", "modify", "delete"),
}
_MAY = {BucketAccess.READ: "read it", BucketAccess.WRITE: "add to it", BucketAccess.READ_WRITE: "read and change it"}
_PATH = "/!$&'()*+,;=:@"
"""What stays as it is in the path of an address, besides what always does. Source: RFC 3986, section 3.3."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the catalogue is published, what it is called, and the department that answers for it."""

    url: str
    title: str
    publisher: Department


def write_document(home: Home, entries: Sequence[Entry], endpoints: Mapping[str, str]) -> Node:
    """Make the catalogue; `endpoints` are the addresses of the sites' object stores, by the sites' names."""
    here = f"{home.url}/{DOCUMENT}"
    return {
        "@context": _CONTEXT,
        "@id": f"{here}#catalogue",
        "@type": "dcat:Catalog",
        "dct:title": home.title,
        "dct:description": "Data that departments publish, and data that they share by grants.",
        "dct:publisher": _agent(here, home.publisher),
        "foaf:homepage": {"@id": f"{home.url}/{PAGE}", "@type": "foaf:Document"},
        "dcat:dataset": [_dataset(here, entry, endpoints) for entry in entries],
    }


def _dataset(here: str, entry: Entry, endpoints: Mapping[str, str]) -> Node:
    said, mail = entry.said, quote(entry.tenant.spec.contacts.owner, safe="@!$'*+.")
    node: Node = {
        "@id": f"{here}#{entry.identifier}",
        "@type": "dcat:Dataset",
        "dct:identifier": entry.identifier,
        "dct:title": entry.title,
        "dct:description": entry.description,
        "dct:publisher": _agent(here, entry.department),
        "dcat:contactPoint": {
            "@type": ["vcard:Kind", "vcard:Organization"],
            "vcard:fn": entry.department.spec.title,
            "vcard:hasEmail": {"@id": f"mailto:{mail}"},
        },
    }
    if said.keywords:
        node["dcat:keyword"] = list(said.keywords)
    for term, day in (("dct:issued", said.issued), ("dct:modified", said.modified)):
        if day is not None:
            node[term] = _day(day)
    if said.spatial is not None:
        node["dct:spatial"] = {"@id": said.spatial, "@type": "dct:Location"}
    return node | (_shared(here, entry) if entry.shares else _public(here, entry, endpoints))


def _public(here: str, entry: Entry, endpoints: Mapping[str, str]) -> Node:
    bucket = f"{endpoints[entry.tenant.spec.placement.site or '']}/{entry.name}/"
    files: tuple[PublishedFile | None, ...] = entry.said.files or (None,)
    return {
        "dct:accessRights": {"@id": PUBLIC, "@type": "dct:RightsStatement"},
        "dcat:distribution": [_distribution(here, entry, bucket, file) for file in files],
    }


def _distribution(here: str, entry: Entry, bucket: str, file: PublishedFile | None) -> Node:
    """Give the way to one file or, where the request names none, to the bucket, which S3 doesn't list to everybody."""
    key = quote(file.key, safe=_PATH) if file is not None else ""
    node: Node = {
        "@id": f"{here}#{entry.identifier}/{key}",
        "@type": "dcat:Distribution",
        "dct:title": (file.title or file.key) if file is not None else f"Objects of {entry.name}",
        "dcat:accessURL": {"@id": f"{bucket}{key}"},
    }
    if file is not None:
        node["dcat:downloadURL"] = {"@id": f"{bucket}{key}"}
        if file.media_type is not None:
            node["dcat:mediaType"] = {"@id": f"{_MEDIA_TYPES}{file.media_type}", "@type": "dct:MediaType"}
    if entry.said.licence is not None:
        node["dct:license"] = {"@id": entry.said.licence, "@type": "dct:LicenseDocument"}
    return node


def _shared(here: str, entry: Entry) -> Node:
    return {
        "dct:accessRights": {"@id": RESTRICTED, "@type": "dct:RightsStatement"},
        "dct:rights": [{"@type": "dct:RightsStatement", "rdfs:label": _tell(share)} for share in entry.shares],
        "odrl:hasPolicy": [_agreement(here, entry, share) for share in entry.shares],
    }


def _tell(share: Share) -> str:
    return f"By grant {share.grant}, {share.consumer} may {_MAY[share.access]} until {share.until}."


def _agreement(here: str, entry: Entry, share: Share) -> Node:
    """Source: ODRL Information Model 2.2, sections 2.1 and 2.5; the actions are those of its common vocabulary."""
    constraint = {
        "@type": "odrl:Constraint",
        "odrl:leftOperand": {"@id": "odrl:dateTime"},
        "odrl:operator": {"@id": "odrl:lteq"},
        "odrl:rightOperand": _day(share.until),
    }
    return {
        "@id": f"{here}#grant-{share.grant}",
        "@type": ["odrl:Policy", "odrl:Agreement"],
        "dct:identifier": share.grant,
        "odrl:target": {"@id": f"{here}#{entry.identifier}"},
        "odrl:assigner": {"@id": _agent(here, entry.department)["@id"]},
        "odrl:assignee": {"@type": "foaf:Agent", "foaf:name": share.consumer},
        "odrl:permission": [
            {
                "@type": "odrl:Permission",
                "odrl:action": [{"@id": f"odrl:{action}"} for action in _ACTIONS[share.access]],
                "odrl:constraint": [constraint],
            }
        ],
    }


def _agent(here: str, department: Department) -> Node:
    return {
        "@id": f"{here}#department-{department.name}",
        "@type": ["foaf:Agent", "foaf:Organization"],
        "foaf:name": department.spec.title,
    }


def _day(day: date) -> Node:
    return {"@type": "xsd:date", "@value": day.isoformat()}
