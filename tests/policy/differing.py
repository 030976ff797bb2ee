"""Where what a server makes of an object differs from what we make of it, but for what only a server knows."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml
from apiserver import Manifest

TEXT = Path(__file__).with_name("objects.yaml").read_text(encoding="utf-8")
OBJECTS: list[Manifest] = list(yaml.safe_load_all(TEXT))

# What only a server knows: it allocates it, makes it up, or keeps count of it.
SERVER_ONLY = {
    "metadata.creationTimestamp",
    "metadata.uid",
    "metadata.managedFields",
    "metadata.generation",
    "metadata.finalizers",
    "spec.clusterIP",
    "spec.clusterIPs",
    "spec.ipFamilies",
    "spec.ipFamilyPolicy",
    "spec.ports[0].nodePort",
    "status.conditions[0].lastTransitionTime",
}
# A job's selector and labels are made of its uid.
BY_KIND = {"Job": {"metadata.labels", "spec.selector", "spec.template.metadata.labels"}}
# The name of the volume of a mounted token ends with five random characters.
_RANDOM = re.compile(r"\.volume(Mount)?s\[\d+\]\.name$")


def _compare(theirs: object, ours: object, path: str = "") -> Iterator[str]:
    """The paths at which two values differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in {*theirs, *ours}:
            where = f"{path}.{key}" if path else key
            if key in theirs and key in ours:
                yield from _compare(theirs[key], ours[key], where)
            else:
                yield where
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, pair in enumerate(zip(theirs, ours, strict=True)):
            yield from _compare(*pair, f"{path}[{index}]")
    elif (theirs is None and ours == []) or (theirs == "" and ours is None):
        pass  # an answer has been through the store's format, which has no empty lists, and no bytes that are null
    elif theirs != ours or type(theirs) is not type(ours):
        yield path


def find_differing(theirs: Manifest, ours: Manifest) -> set[str]:
    """The paths at which an object differs as a server and as we show it, without what only a server fills in."""
    known = SERVER_ONLY | BY_KIND.get(theirs["kind"], set())
    return {
        path
        for path in _compare(theirs, ours)
        if not any(path.startswith(one) for one in known) and not _RANDOM.search(path)
    }
