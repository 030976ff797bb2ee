"""What is compared is what documents mean, and which keys nobody knows."""

import pytest

from tenantry.objectstore.kinds.access_key import orphans
from tenantry.objectstore.kinds.documents import compact, meaning, rules_meaning
from tenantry.objectstore.spec import CAPABILITIES, DEFAULTS, KINDS, complete, needed_capabilities

ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ["b", "a"]}
DENY = {"Effect": "Deny", "Principal": {"AWS": "x"}, "Action": "s3:*", "Resource": "a"}


def policy(*statements: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    "other",
    [
        policy(DENY, ALLOW),
        policy({**ALLOW, "Resource": ["a", "b"]}, DENY),
        policy({**ALLOW, "Action": ["s3:GetObject"], "Principal": {"AWS": "*"}}, DENY),
        policy({**ALLOW, "Principal": {"AWS": ["*"]}}, {**DENY, "Resource": ["a"]}),
    ],
)
def test_policies_that_mean_the_same_are_equal(other: dict[str, object]) -> None:
    assert meaning(policy(ALLOW, DENY)) == meaning(other)


@pytest.mark.parametrize(
    "other",
    [
        policy(ALLOW),
        policy(ALLOW, {**DENY, "Effect": "Allow"}),
        policy({**ALLOW, "Resource": ["a"]}, DENY),
        policy({**ALLOW, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, DENY),
        None,
    ],
)
def test_policies_that_mean_something_else_differ(other: dict[str, object] | None) -> None:
    assert meaning(policy(ALLOW, DENY)) != meaning(other)


def test_a_condition_may_be_a_word_or_a_truth_value() -> None:
    said = [policy({**DENY, "Condition": {"Bool": {"aws:SecureTransport": v}}}) for v in ("false", False, ["false"])]
    assert len({meaning(document) for document in said}) == 1


def test_a_lifecycle_rule_scoped_by_prefix_or_by_filter_is_one_rule() -> None:
    older = {"ID": "a", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 9}}
    newer = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    assert rules_meaning([older]) == rules_meaning([newer])
    assert rules_meaning([older]) != rules_meaning([{**newer, "Filter": {"Prefix": "x/"}}])


def test_documents_are_sent_without_spaces() -> None:
    assert " " not in compact(policy(ALLOW, DENY))


def test_a_key_is_an_orphan_unless_another_generation_knows_it() -> None:
    record = {"tenantry.dev/key-1": "K1", "tenantry.dev/key-2": "K2"}
    assert orphans(["K1", "K2", "K3"], record, generation=2) == ["K2", "K3"]
    assert orphans(["K1"], record, generation=2) == []


def test_every_needed_capability_is_in_the_vocabulary() -> None:
    everything = {key: "asked" for key in DEFAULTS["Bucket"]}
    needs = {need for kind in KINDS for need in needed_capabilities(kind, everything if kind == "Bucket" else {})}
    assert needs <= set(CAPABILITIES)
    assert needed_capabilities("Bucket", complete("Bucket", {})) == {}
