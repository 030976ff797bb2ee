"""Reads a catalogue as RDF, with a library that knows nothing of how it was written."""

import warnings

from rdflib import Graph, Namespace

DCAT = Namespace("http://www.w3.org/ns/dcat#")
DCT = Namespace("http://purl.org/dc/terms/")
FOAF = Namespace("http://xmlns.com/foaf/0.1/")
ODRL = Namespace("http://www.w3.org/ns/odrl/2/")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
XSD = Namespace("http://www.w3.org/2001/XMLSchema#")


def read_graph(document: bytes) -> Graph:
    """Give all that a JSON-LD document says; its context is within, so nothing is fetched."""
    with warnings.catch_warnings():
        # The library's reader uses a class of its own that it has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return Graph().parse(data=document, format="json-ld")
