"""The facts of hosts, also of those that told none: what wasn't seen is said to be so, and passes no policy."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tenantry import __version__
from tenantry.contract.model import Inventory, InventoryHost
from tenantry.contract.reading.schema import HOST_FACTS, load_schema
from tenantry.hosts.outcome import Action, HostOutcome

COLLECTOR = f"tenantry-facts {__version__}"
_LONGEST_WHY = 300
_UNKNOWN = "unknown"


def facts_of(inventory: Inventory, outcomes: Sequence[HostOutcome]) -> list[Mapping[str, Any]]:
    """Give a document for every host of an inventory, as `stacks/schema/hostfacts.json` describes it."""
    hosts = {host.name: host for host in inventory.spec.hosts}
    return [one.facts if one.facts is not None else _unseen(hosts[one.host], one) for one in outcomes]


def _unseen(host: InventoryHost, outcome: HostOutcome) -> Mapping[str, Any]:
    """Say of a host that nothing was seen of it, and why. Its id isn't known then: it is all zeros."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    state = "unreachable" if outcome.action is Action.UNREACHABLE else "skipped"
    why = next((found.message for found in outcome.problems), "the collector didn't come to it")[:_LONGEST_WHY]
    observations = load_schema(HOST_FACTS)["properties"]["spec"]["properties"]["observations"]["properties"]
    unseen = {"state": state, "source": "SSH", "time": now, "why": why}
    return {
        "apiVersion": "tenantry.dev/v1",
        "kind": HOST_FACTS,
        "metadata": {"name": host.name},
        "spec": {
            "hostId": "0" * 32,
            "os": {"id": _UNKNOWN, "version": _UNKNOWN, "kernel": _UNKNOWN},
            "roles": [role.value for role in host.roles],
            "collected": now,
            "collector": COLLECTOR,
            "observations": dict.fromkeys(observations, unseen),
        },
    }
