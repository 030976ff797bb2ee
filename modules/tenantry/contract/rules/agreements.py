"""Rules of waivers and grants that hold whatever the day is: who agreed, and that the dates make sense."""

from collections.abc import Iterator
from datetime import timedelta

from tenantry.contract.documents import Documents
from tenantry.problems import Problem

LONGEST_WAIVER = timedelta(days=180)


def judge_agreements(documents: Documents) -> Iterator[Problem]:
    """Hold every waiver and grant to their own rules."""
    yield from _waivers(documents)
    yield from _grants(documents)


def _waivers(documents: Documents) -> Iterator[Problem]:
    for name, waiver in documents.waivers.items():
        source, spec = documents.sources["Waiver", name], waiver.spec
        if spec.approver == spec.owner:
            what = f"waiver {name} is approved by its own owner"
            yield source.problem("TEN-153", what, "have somebody else approve it", ("spec", "approver"))
        if spec.expires <= spec.approved:
            what = f"waiver {name} expires on {spec.expires}, not after its approval on {spec.approved}"
            yield source.problem("TEN-138", what, "correct one of the two", ("spec", "expires"))
        elif spec.expires - spec.approved > LONGEST_WAIVER:
            what = f"waiver {name} lasts {(spec.expires - spec.approved).days} days, more than {LONGEST_WAIVER.days}"
            latest = spec.approved + LONGEST_WAIVER
            yield source.problem("TEN-154", what, f"let it expire on {latest} or before", ("spec", "expires"))


def _grants(documents: Documents) -> Iterator[Problem]:
    for name, grant in documents.grants.items():
        source, spec = documents.sources["Grant", name], grant.spec
        if spec.ends <= spec.starts:
            what = f"grant {name} ends on {spec.ends}, not after it starts on {spec.starts}"
            yield source.problem("TEN-138", what, "correct one of the two", ("spec", "ends"))
        if len({approval.by for approval in spec.approvals}) < 2:
            what = f"grant {name} is approved by one person for both sides"
            yield source.problem("TEN-153", what, "have each side approve it", ("spec", "approvals"))
