"""Writes the catalogue as a page that stands by itself: what the JSON-LD says, for people.

Nothing is loaded from elsewhere. All of it is there without the script, which only searches; the page's own policy
(Content-Security-Policy) lets no other script run, also where an escape were forgotten.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from string import Template
from typing import Any

from tenantry.catalogue.document import DOCUMENT, PUBLIC
from tenantry.pages import name_inline, read_part

Node = Mapping[str, Any]


def write_page(catalogue: Node) -> str:
    """Make the page of a catalogue's JSON-LD, with the same datasets in the same order."""
    style, script = read_part(__file__, "page.css"), read_part(__file__, "page.js")
    datasets: Sequence[Node] = catalogue["dcat:dataset"]
    return Template(read_part(__file__, "page.html")).substitute(
        title=escape(catalogue["dct:title"]),
        description=escape(catalogue["dct:description"]),
        publisher=escape(catalogue["dct:publisher"]["foaf:name"]),
        document=DOCUMENT,
        count=_count(datasets),
        datasets="\n".join(map(_article, datasets)),
        style=style,
        style_hash=name_inline(style),
        script=script,
        script_hash=name_inline(script),
    )


def _is_public(dataset: Node) -> bool:
    return bool(dataset["dct:accessRights"]["@id"] == PUBLIC)


def _count(datasets: Sequence[Node]) -> str:
    public = sum(map(_is_public, datasets))
    several = "dataset" if len(datasets) == 1 else "datasets"
    return f"{len(datasets)} {several}: {public} for everybody, {len(datasets) - public} shared by grants."


def _article(dataset: Node) -> str:
    """Make one dataset; a heading's link is how it is named in a message or a bookmark."""
    name = escape(dataset["dct:identifier"])
    public = _is_public(dataset)
    access = '<p class="access public">For everybody</p>' if public else '<p class="access shared">By grant</p>'
    ways = map(_download, dataset["dcat:distribution"]) if public else map(_right, dataset["dct:rights"])
    facts = "\n".join(f"<dt>{escape(term)}</dt><dd>{said}</dd>" for term, said in _facts(dataset))
    return "\n".join(
        [
            f'<article id="{name}">',
            f'<h2><a href="#{name}">{escape(dataset["dct:title"])}</a></h2>',
            access,
            f"<p>{escape(dataset['dct:description'])}</p>",
            "<ul>",
            *ways,
            "</ul>",
            f"<dl>\n{facts}\n</dl>",
            "</article>",
        ]
    )


def _download(distribution: Node) -> str:
    title = escape(distribution["dct:title"])
    if "dcat:downloadURL" not in distribution:
        return f"<li>{title}, by their keys at <code>{escape(distribution['dcat:accessURL']['@id'])}</code></li>"
    media = distribution.get("dcat:mediaType", {}).get("@id", "")
    kind = f" ({escape(re.sub('.*/media-types/', '', media))})" if media else ""
    return f"<li>{_link(distribution['dcat:downloadURL']['@id'], distribution['dct:title'])}{kind}</li>"


def _right(right: Node) -> str:
    return f"<li>{escape(right['rdfs:label'])}</li>"


def _facts(dataset: Node) -> Iterator[tuple[str, str]]:
    yield "Department", escape(dataset["dct:publisher"]["foaf:name"])
    if "dcat:keyword" in dataset:
        yield "Keywords", escape(", ".join(dataset["dcat:keyword"]))
    if "dct:spatial" in dataset:
        yield "Place", _link(dataset["dct:spatial"]["@id"])
    for term, name in (("dct:issued", "Published"), ("dct:modified", "Changed")):
        if term in dataset:
            yield name, escape(dataset[term]["@value"])
    licences = {way["dct:license"]["@id"] for way in dataset.get("dcat:distribution", ()) if "dct:license" in way}
    for licence in sorted(licences):
        yield "Licence", _link(licence)
    mail = dataset["dcat:contactPoint"]["vcard:hasEmail"]["@id"]
    yield "Questions", _link(mail, mail.removeprefix("mailto:"))
    yield "Identifier", f"<code>{escape(dataset['dct:identifier'])}</code>"


def _link(address: str, text: str = "") -> str:
    return f'<a href="{escape(address)}">{escape(text or address)}</a>'
