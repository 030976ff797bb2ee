"""What `make mutation` weakens: the pieces of an expression, one at a time, each still an expression."""

from mutation.__main__ import LISTED
from mutation.places import mutants
from mutation.weaken import weaken
from tenantry.data import policy_dir

POLICIES = sorted(policy_dir().glob("*/*/policy.yaml"))


def test_each_piece_is_weakened_by_itself() -> None:
    found = {f"{one.before} -> {one.after}" for one in weaken("!has(a.b) && a.c in ['x', 'y'] || a.n >= 3")}
    assert found == {
        "!has(a.b) && a.c in ['x', 'y'] -> nothing",
        "a.n >= 3 -> nothing",
        "!has(a.b) && a.c in ['x', 'y'] || a.n >= 3 -> !has(a.b) && a.c in ['x', 'y'] && a.n >= 3",
        "!has(a.b) -> nothing",
        "a.c in ['x', 'y'] -> nothing",
        "!has(a.b) && a.c in ['x', 'y'] -> !has(a.b) || a.c in ['x', 'y']",
        "!has(a.b) -> has(a.b)",
        "has(a.b) -> true",
        "has(a.b) -> false",
        "'x' -> nothing",
        "'y' -> nothing",
        "'x' -> 'xx'",
        "'y' -> 'yx'",
        "a.n >= 3 -> a.n > 3",
        "a.n >= 3 -> a.n <= 3",
        "a.n >= 3 -> a.n >= 4",
        "a.n >= 3 -> a.n >= 2",
    }


def test_macros_defaults_and_patterns_are_weakened_as_they_were_written() -> None:
    texts = [one.text for one in weaken("a.?b.orValue('') == 'on' && c.all(d, d.matches('^e$'))")]
    assert "a.?b.orValue('on') == 'on' && c.all(d, d.matches('^e$'))" in texts
    assert "a.?b.orValue('') == 'on' && c.exists(d, d.matches('^e$'))" in texts
    assert "a.?b.orValue('') == 'on' && c.all(d, d.matches('e$'))" in texts
    assert "a.?b.orValue('') == 'on' && c.all(d, d.matches('^e'))" in texts


def test_every_policy_of_the_baseline_can_be_weakened() -> None:
    assert all(next(mutants(path), None) for path in POLICIES)


def test_what_is_listed_is_of_a_policy_and_has_a_reason_above_it() -> None:
    names = {path.parent.name for path in POLICIES}
    for block in LISTED.read_text(encoding="utf-8").split("\n\n")[1:]:
        reason, *lines = block.strip().splitlines()
        assert reason.startswith("# ")
        assert lines
        assert {line.partition(" ")[0] for line in lines} <= names
