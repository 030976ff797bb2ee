"""Judging requests among the sites and departments that tests generate."""

from typing import Any

from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import Judgement, judge
from tenantry.contract.reading.schema import validate

OPEN = {"classification": "open"}


def judged(*raws: dict[str, Any], **world: Any) -> Judgement:  # noqa: ANN401
    """Judge requests, which the schema has to pass, in a world with other documents in it."""
    for raw in raws:
        assert validate(document(raw)) == ()
    known: dict[str, Any] = {"sites": sites(), "departments": departments(), **world}
    return judge(Documents(requests=tuple(document(raw) for raw in raws), **known), baseline())


def codes(judgement: Judgement) -> list[str]:
    """Give the codes of all problems."""
    return [problem.code for problem in judgement.problems]
