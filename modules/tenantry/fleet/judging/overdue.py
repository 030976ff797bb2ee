"""What is overdue at a site, which has no clock: grants that are still open after their end, and keys that are old."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date

from tenantry.contract.model import today
from tenantry.fleet.leases.stages import called, tell_over
from tenantry.fleet.survey import Seen
from tenantry.problems import Problem, problem


def find_held(seen: Seen) -> Mapping[str, str]:
    """Give the grants that a tenant's last apply opened and that are no longer in force, each with its last day."""
    record, asked = seen.record, seen.planned.rendered.grants
    return {name: ends for name, ends in (record.grants if record else {}).items() if name not in asked}


def choose_overdue(seen: Seen, *, new_keys: bool) -> Seen | None:
    """Choose a tenant of which something is overdue; one whose keys are due has the next generation of them.

    With `new_keys`, all keys are due. A tenant that was never applied isn't chosen.
    """
    if _has_keys(seen) and (new_keys or seen.planned.keys.is_due(seen.planned.key_days, today())):
        return replace(seen, planned=replace(seen.planned, keys=seen.planned.keys.turn()))
    return seen if find_held(seen) or _is_to_be_cordoned(seen) else None


def tell_overdue(every: Iterable[Seen]) -> list[Problem]:
    """Tell of what should have been done.

    A grant is still open that is over (TEN-674), keys weren't changed (TEN-675), something new may start after the end
    of a lease (TEN-677), or a tenant is still there after its grace (TEN-678).
    """
    return [found for seen in every for found in (*_tell_held(seen), *_tell_old(seen), *tell_over(seen))]


def _tell_held(seen: Seen) -> Iterator[Problem]:
    for name, ends in sorted(find_held(seen).items()):
        what = f"grant {name}, opened to {ends}, is no longer in force and still open on the side of {called(seen)}"
        yield problem("TEN-674", what, f"run `tenantry sync {seen.planned.tenant.id}`")


def _tell_old(seen: Seen) -> Iterator[Problem]:
    """Tell of keys a day after they're due: before, the day's sync may still be to come."""
    planned = seen.planned
    if _has_keys(seen) and planned.keys.is_due(planned.key_days + 1, today()):
        age = f"are of {planned.keys.since}" if planned.keys.since > date.min else "are of an unknown day"
        every = "every day" if planned.key_days == 1 else f"every {planned.key_days} days"
        what = f"the keys to the store of {called(seen)} {age}, and are to be changed {every}"
        yield problem("TEN-675", what, f"run `tenantry sync {planned.tenant.id}`, and every day")


def _is_to_be_cordoned(seen: Seen) -> bool:
    return seen.record is not None and seen.planned.rendered.cordoned and not seen.record.cordoned


def _has_keys(seen: Seen) -> bool:
    return seen.record is not None and any(
        document["kind"] == "AccessKey" for document in seen.planned.rendered.object_store
    )
