"""What a Pulumi resource asks for, as the manifests that policies judge.

Of Kubernetes a resource's inputs are the manifest. Of tenantry's object stores they lack its metadata: labels and
annotations are read from the tags, among which all is that policies ask for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tenantry.check.reading.resources import MAKERS, SIGNATURE, make_document, make_objects
from tenantry.objectstore.spec import KINDS
from tenantry.policy import mark_unknown
from tenantry.policy.cel.library.marks import is_marked
from tenantry.policy.documents.model import Manifest
from tenantry.policy.objects.cluster import read_metadata
from tenantry.policy.reading.manifests import normalise_numbers

UNKNOWNS: Final = frozenset(
    {
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
"""What stands for a value that isn't known yet, a text for each type of value. Source: Pulumi 3.250.0,
sdk/go/common/resource/plugin/rpc.go."""
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (it marks secrets, and is none)
"""What a map that is a secret has under the key `SIGNATURE`. Source: as above, sdk/go/common/resource/sig."""

_SHORTEST = 3
"""Characters of a word that tells something; shorter ones are in any sentence."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What one resource asks for.

    Values that aren't known yet are marked in `manifests`. `secrets` are the words of secret values, in lower case.
    Where nobody can tell from the resource what it will make, `opaque` says so.
    """

    manifests: tuple[Manifest, ...] = ()
    secrets: frozenset[str] = frozenset()
    opaque: str = ""


def read_resource(token: str, properties: Mapping[str, Any]) -> Asked | None:
    """Give what a resource of a type asks for; nothing where policies have nothing to say of its type."""
    package, _, rest = token.partition(":")
    module, _, kind = rest.rpartition(":")
    if package == "kubernetes":
        return _read_object(module, kind, properties)
    if package == "objectstore" and kind in KINDS:
        inputs, secrets = _read_inputs(properties)
        return Asked((make_document(kind, inputs),), secrets)
    return None


def _read_object(module: str, kind: str, properties: Mapping[str, Any]) -> Asked | None:
    if module.startswith("helm.sh") and kind == "Release":
        return Asked(opaque="what a Helm release makes can't be seen in a plan")
    if module.partition("/")[0] in MAKERS:
        return None
    if kind.endswith("Patch") and properties.get("kind", kind) in (kind, kind.removesuffix("Patch")):
        return Asked(opaque="a patch changes an object that isn't in the plan")
    inputs, secrets = _read_inputs(properties)
    made = tuple(make_objects(module, kind, inputs))
    if any(is_marked(read_metadata(one)) or is_marked(read_metadata(one).get("namespace")) for one in made):
        return Asked(opaque="which namespace it is for isn't known yet")
    return Asked(made, secrets)


def _read_inputs(properties: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[str]]:
    """Give plain values, and the words of those that are secret."""
    whole = normalise_numbers(dict(properties))
    assert isinstance(whole, dict)
    secrets: set[str] = set()
    return {key: _read(value, key, secrets) for key, value in whole.items()}, frozenset(secrets)


def _read(value: object, path: str, secrets: set[str]) -> object:
    """Turn a value as the engine sends it into a plain one; what isn't known, or is no plain value, is marked."""
    if isinstance(value, str):
        return mark_unknown(path) if value in UNKNOWNS else value
    if isinstance(value, list):
        return [_read(one, f"{path}[{index}]", secrets) for index, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if SIGNATURE not in value:
        return {key: _read(one, f"{path}.{key}", secrets) for key, one in value.items()}
    if value[SIGNATURE] != SECRET:
        return mark_unknown(f"{path} (a file)")
    plain = _read(value.get("value"), path, secrets)
    secrets |= find_words(plain)
    return plain


def find_words(value: object) -> set[str]:
    """Give the words of all texts and numbers within a value, in lower case, but those that it has as names, too.

    pulumi-kubernetes makes all of a `spec` secret where one value in it is. The names in it, of containers and volumes,
    are no secret then, and needed to tell what is wrong.
    """
    words: set[str] = set()
    names: set[str] = set()
    stack: list[tuple[object, set[str]]] = [(value, words)]
    while stack:
        one, into = stack.pop()
        if isinstance(one, dict) and not is_marked(one):
            stack += [(each, names if key == "name" else words) for key, each in one.items()]
        elif isinstance(one, list):
            stack += [(each, words) for each in one]
        elif not isinstance(one, dict | bool | None):
            into.update(re.findall(r"[^\W_]+", str(one).lower()))
    return {word for word in words - names if len(word) >= _SHORTEST or word.isdecimal()}
