"""The cases on our engine alone; test_policy_parity.py asks a real server the same."""

import pytest
from casework import NAMES, count_errors, load_case, summarise

from tenantry.policy.admission.verdict import Verdict


@pytest.mark.parametrize("name", NAMES)
def test_a_case_finds_what_it_says(name: str) -> None:
    case = load_case(name)
    for request, _, judgement in case.judge():
        shown = (request.object or request.old or {})["metadata"]
        if request.refused:
            assert judgement.verdict is Verdict.DENY, shown
            assert [finding.path for finding in judgement.findings] == [request.refused], shown
        elif request.denies:
            denied = [finding for finding in judgement.findings if finding.verdict is Verdict.DENY]
            said = [f"{case.strip(one.policy)} {count_errors(one.message)}" for one in denied]
            assert said == [request.denies], shown
        else:
            assert summarise(case, judgement) == request.finds, shown
            assert judgement.verdict in (Verdict.ALLOW, Verdict.WARN), shown
