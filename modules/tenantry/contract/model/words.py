"""The words that several kinds of document share: enums, amounts, metadata."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType, Self

Millicores = NewType("Millicores", int)
"""CPU, in thousandths of a core."""

Bytes = NewType("Bytes", int)
"""Memory or storage, in bytes."""


def join_name(tenant: str, name: str) -> str:
    """Give the name by which a site or a store knows something of a tenant: after its id, which is nobody else's."""
    return f"{tenant}-{name}"


class Classification(StrEnum):
    """Who may use the data; the one word that drives every control: from open to most to closed to all."""

    OPEN = "open"
    SHARED = "shared"
    MARKET = "market"
    RESTRICTED = "restricted"

    def covers(self, other: Self) -> bool:
        """Say whether what is of this class is protected at least as well as the other class asks."""
        order = list(Classification)
        return order.index(self) >= order.index(other)


class Environment(StrEnum):
    """What a tenant is for in the life of its workload."""

    DEV = "dev"
    TEST = "test"
    PROD = "prod"
    TOOLS = "tools"


class Template(StrEnum):
    """What a request starts from."""

    SERVICE = "service"
    SENSING = "sensing"
    SOFTWARE = "software"
    CONTENT = "content"
    DATA = "data"


class AccessRole(StrEnum):
    """What a group of people may do in a tenant."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    AUDITOR = "auditor"


class Direction(StrEnum):
    """Which side opens the connection: this tenant (`to`) or its peer (`from`)."""

    TO = "to"
    FROM = "from"


class BucketAccess(StrEnum):
    """What a service account may do with the objects of a bucket."""

    READ = "read"
    WRITE = "write"
    READ_WRITE = "readWrite"


class CiSystem(StrEnum):
    """Whose claims the tokens of pipelines carry."""

    GITHUB = "github"
    GITLAB = "gitlab"


class Disposal(StrEnum):
    """What becomes of a retired tenant's objects."""

    DESTROY = "destroy"
    EXPORT = "export"
    HOLD = "hold"


class Location(StrEnum):
    """Whose hardware a site stands on."""

    ON_PREMISES = "onPremises"
    HOSTED = "hosted"


class Encryption(StrEnum):
    """What a classification wants of encryption at rest."""

    STORE_DEFAULT = "storeDefault"
    NEEDED = "needed"
    OWN_KEY = "ownKey"


@dataclass(frozen=True, slots=True)
class Metadata:
    """A document's name, which may change, and its free labels."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contacts:
    """Mail addresses of those who answer for a tenant."""

    owner: str
    technical: tuple[str, ...]
    security: str
    finance: str


@dataclass(frozen=True, slots=True)
class Quota:
    """What all pods and volume claims of a tenant, or of a department, may request together."""

    cpu: Millicores
    memory: Bytes
    storage: Bytes
    pods: int


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """What a container that asks for nothing gets, and the most that one may ask for."""

    default_cpu: Millicores
    default_memory: Bytes
    default_request_cpu: Millicores
    default_request_memory: Bytes
