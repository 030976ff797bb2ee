"""What the provider asks of every kind, and the values that pass between them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store
from tenantry.problems import UnreachableError, problem

Spec = Mapping[str, Any]

RESERVED_TAG: Final = "tenantry.dev/key-"
"""Tags of a user that record which of its keys are known; they are the provider's own."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """A resource's inputs, completed: see `tenantry.objectstore.spec`."""

    site: str
    tenant: str
    name: str
    spec: Spec


@dataclass(frozen=True, slots=True)
class Made:
    """What a store holds now: its id, and what only the store could tell."""

    id: str
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a store was found to hold, in the words of the inputs."""

    tenant: str
    name: str
    spec: Spec
    outputs: Mapping[str, str] = field(default_factory=dict)


class IncompleteError(Exception):
    """An object was made, but not all that it is to be; carries what there is, so that it isn't lost."""

    def __init__(self, made: Made, cause: UnreachableError) -> None:
        super().__init__(str(cause))
        self.made = made
        self.cause = cause


class Kind(Protocol):
    """The life of one kind of object. All functions raise UnreachableError where the store fails or refuses."""

    def faults(self, inputs: Inputs) -> list[tuple[str, str]]:
        """List what is wrong in known inputs, as property and reason."""

    def replaces(self, old: Inputs, new: Inputs, can: frozenset[str]) -> set[str]:
        """Name the properties whose change needs another object; those that don't differ may be among them."""

    def same(self, key: str, one: Json, other: Json) -> bool:
        """Say whether a spec's key that is as `one` needs no call to be as `other`."""

    def create(self, store: Store, inputs: Inputs) -> Made:
        """Make the object, or take over and finish what an interrupted run made."""

    def read(self, store: Store, object_id: str, known: Inputs | None) -> Found | None:
        """Read the object; None where there is none. Without `known` inputs, as at an import, all of it is read."""

    def update(self, store: Store, object_id: str, new: Inputs) -> Made:
        """Bring the object to what it is to be."""

    def delete(self, store: Store, object_id: str, old: Inputs) -> None:
        """Remove the object; done where it is gone already."""


def foreign(store: Store, what: str, owner: str) -> UnreachableError:
    """Say that an object can't be taken over, since it isn't this tenant's."""
    whose = f"tenant {owner}" if owner else "no tenant that it names"
    fix = "choose another name, or import the object if it is this tenant's"
    return UnreachableError(problem("TEN-404", f"site {store.site}: {what} exists and belongs to {whose}", fix))
