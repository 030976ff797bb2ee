"""The page shows what the catalogue has and loads nothing; hostile texts are shown as they are."""

import copy
from dataclasses import replace
from html.parser import HTMLParser

import orjson
import pytest
from rdflib import Literal

from golden.catalogue import government, write
from golden.rdf import DCT, read_graph
from tenantry.catalogue.page import write_page
from tenantry.catalogue.validate import validate_catalogue

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "$title ${script} {{7*7}} %s",
    "</title></article><h1>[/] [bold]&amp;",
    "Donn\u00e9es \u202eevil\u202c \u2028 \U0001f3e5",
]


class Seen(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, and the text outside of script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {str(value) for name, value in attrs if name in ("href", "src")}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_shown_as_it_is(text: str) -> None:
    documents = government()
    title = replace(documents.departments["health"].spec, title=text)
    departments = {**documents.departments, "health": replace(documents.departments["health"], spec=title)}
    requests = []
    for one in documents.requests:
        data = copy.deepcopy(dict(one.data))
        for bucket in data["spec"]["buckets"]:
            if bucket["name"] == "admissions":
                bucket["catalogue"].update(title=text, description=text, keywords=[text[:60]])
                bucket["catalogue"]["files"][0]["title"] = text
        requests.append(replace(one, data=data))
    document = write(replace(documents, departments=departments, requests=tuple(requests)))
    validate_catalogue(document)
    usual, seen = Seen(write_page(write(government()))), Seen(write_page(document))
    # A title decides on the order.
    assert sorted(seen.elements) == sorted(usual.elements)
    assert (seen.attributes, seen.links) == (usual.attributes, usual.links)
    assert seen.text.count(text) >= 4
    assert Literal(text) in read_graph(orjson.dumps(document)).objects(None, DCT["title"])


def test_the_page_loads_nothing_and_all_of_it_is_there_without_its_script() -> None:
    document = write(government())
    page = write_page(document)
    seen = Seen(page)
    assert seen.elements.count("script") == seen.elements.count("style") == 1
    assert not {"img", "iframe", "object"} & set(seen.elements)
    assert "default-src 'none'" in page
    for dataset in document["dcat:dataset"]:
        assert dataset["dct:title"] in seen.text
        assert dataset["dct:identifier"] in seen.text
    assert "6 datasets: 2 for everybody, 4 shared by grants." in seen.text
