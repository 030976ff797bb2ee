"""Why an update failed is said once for each cause, whatever the provider's words around it."""

from operator import attrgetter
from types import SimpleNamespace
from typing import Any, cast

from tenantry.fleet.applying.failures import problems_of
from tenantry.fleet.engine import UpdateFailed
from tenantry.fleet.engine.results import Diagnostic

PLANNED = cast(
    "Any",
    SimpleNamespace(tenant=SimpleNamespace(name="portal", id="t-4f9x2k7q"), site=SimpleNamespace(name="onprem")),
)
MADE = "it was not successfully created by the Kubernetes API server: "


def tell(*messages: str) -> list[str]:
    said = [
        Diagnostic("error", f"urn:pulumi:t::tenantry::kubernetes:core/v1:Secret::Secret/main/s{number}", message)
        for number, message in enumerate(messages)
    ]
    return list(map(attrgetter("message"), problems_of(PLANNED, UpdateFailed("t-4f9x2k7q", said, ""))))


def test_a_server_that_stops_to_answer_is_one_cause_before_and_within_an_answer() -> None:
    assert tell(
        f'{MADE}Post "https://127.0.0.1:1/api/v1/secrets?fieldManager=t": context deadline exceeded',
        f"{MADE}unexpected error when reading response body. Please retry. Original error: context deadline exceeded",
        f"{MADE}net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
    ) == [f"tenant portal (t-4f9x2k7q) on site onprem: Secret/main/s0 and 2 more: {MADE}no answer in time"]


def test_other_causes_are_told_apart() -> None:
    found = tell(f"{MADE}secrets is forbidden", f"{MADE}context deadline exceeded")
    assert [one.rpartition(": ")[2] for one in found] == ["secrets is forbidden", "no answer in time"]
