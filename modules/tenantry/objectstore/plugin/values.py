"""Between the engine's values and plain ones: what is unknown in a preview stays so, what is secret too."""

from collections.abc import Mapping
from typing import Final

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from tenantry.objectstore.spec import Json

Properties = dict[str, PropertyValue]


class Unknown:
    """A value that the engine will know only when it has made something else."""

    def __repr__(self) -> str:
        """Say what it is."""
        return "unknown"


UNKNOWN: Final = Unknown()


def plain(value: PropertyValue | None) -> Json:
    """Turn an engine's value into a plain one: whole numbers become int, the unknown `UNKNOWN`."""
    found = value.value if value else None
    match found:
        case rpc.UNKNOWN:
            return UNKNOWN
        case float() if found.is_integer():
            return int(found)
        case Mapping():
            return {key: plain(each) for key, each in found.items()}
        case tuple():
            return [plain(each) for each in found if isinstance(each, PropertyValue)]
    return found


def engine(value: Json) -> PropertyValue:
    """Turn a plain value into an engine's."""
    match value:
        case Unknown():
            # The package's own `PropertyValue.computed()` can't be sent: 3.250 knows the unknown by this text alone.
            return PropertyValue(rpc.UNKNOWN)
        case bool() | None:
            return PropertyValue(value)
        case int():
            return PropertyValue(float(value))
        case Mapping():
            return PropertyValue({str(key): engine(each) for key, each in value.items()})
        case list() | tuple():
            return PropertyValue([engine(each) for each in value])
    return PropertyValue(value)


def has_unknown(value: Json) -> bool:
    """Say whether a plain value has an unknown in it."""
    match value:
        case Unknown():
            return True
        case Mapping():
            return any(has_unknown(each) for each in value.values())
        case list():
            return any(has_unknown(each) for each in value)
    return False
