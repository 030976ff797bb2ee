"""Manifests are read as kubectl reads them, whichever of the two readers takes them."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sites import Sandbox
from tenantry.policy import read_text
from tenantry.policy.reading.exact import YamlError, read_exactly
from tenantry.policy.reading.manifests import read_document, read_file
from tenantry.problems import InputError

SCALARS = Path(__file__).with_name("scalars.yaml")
WORDS = Path(__file__).with_name("words.txt").read_text().split()
KEYS = ["a", "b", "yes", "on", "5", "1.5", "true", "null", "name", "x-y", "'k'", "012", "~", "a b", "k8s.io/x"]


def read_either(text: str) -> object:
    try:
        return read_document(text)
    except YamlError:
        return YamlError


def test_scalars_are_read_as_a_real_kubectl_reads_them(sandbox: Sandbox) -> None:
    done = sandbox.kubectl("onprem", "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", str(SCALARS))
    assert done.returncode == 0, done.stderr
    spec = json.loads(done.stdout)["spec"]
    (placed,) = read_file(SCALARS)
    ours = placed.manifest["spec"]
    assert [repr(one) for one in map(as_json, ours.pop("v"))] == [repr(one) for one in map(as_json, spec.pop("v"))]
    assert ours == spec


def as_json(value: object) -> object:
    """Integers that JSON's readers elsewhere would take as doubles."""
    return float(value) if isinstance(value, int) and abs(value) >= 1 << 63 else value


@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(WORDS), st.booleans()), min_size=1, max_size=6))
def test_both_readers_read_the_same(lines: list[tuple[str, str, bool]]) -> None:
    text = "".join(f"{key}: {'[' if flow else ''}{word}{']' if flow else ''}\n" for key, word, flow in lines)
    try:
        exact = read_exactly(text)
    except YamlError:
        exact = YamlError
    assert repr(read_either(text)) == repr(exact)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_in_json_style_is_read_the_same(word: str) -> None:
    for text in (f'{{"a":{word}}}', f"{{'a':{word},b: {word}}}", f"[{word},{word}]", f"a:\n- {word}\n-\n  {word}"):
        try:
            exact = read_exactly(text)
        except YamlError:
            exact = YamlError
        assert repr(read_either(text)) == repr(exact), text


LEAVES = st.text(max_size=5) | st.integers() | st.booleans() | st.none()
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200)
@given(JSON)
def test_json_is_read_as_json(value: object) -> None:
    text = json.dumps({"value": value})
    read = read_document(text)
    assert json.loads(json.dumps(read)) == json.loads(text, parse_int=lambda digits: as_json(int(digits)))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("kind: A\napiVersion: v1\nmetadata:\n  name: a\n  name: b\n", 5, "name is given twice"),
        ('{"kind": "A", "apiVersion": "v1",\n "x": 1, "x": 2}', 2, "x is given twice"),
        ("kind: A\napiVersion: v1\n---\nkind: B\n", 4, "no apiVersion"),
        ("kind: A\n  apiVersion: v1\n", 2, "mapping values are not allowed"),
        ("# c\n\nkind: A\napiVersion: v1\nx: .nan\n", 5, ".nan isn't a number"),
        ("kind: A\napiVersion: v1\nx: *nowhere\n", 3, "nowhere isn't defined"),
        ("- a\n", 1, "must be a mapping"),
        ("a: " + "[" * 2000, 1, "deeper"),
        (BOMB, 6, "1,000,000"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(InputError) as error:
        list(read_text(text, "file.yaml"))
    (problem,) = error.value.problems
    assert (problem.code, problem.line) == ("TEN-604", line)
    assert what in problem.message


def test_documents_keep_their_lines_and_lists_are_opened() -> None:
    listed = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B}\n- {apiVersion: v1, kind: C}\n"
    text = f"# first\napiVersion: v1\nkind: A\n---\n\n---\n{listed}"
    assert [(one.manifest["kind"], one.source.line) for one in read_text(text, "f")] == [("A", 2), ("B", 7), ("C", 7)]


PIECES = [
    *(
        "a",
        "key",
        "x y",
        "v1",
        "12",
        "-3",
        "1.5",
        "true",
        "null",
        "~",
        "''",
        "'q'",
        '"d"',
        '"e\\n"',
        "2024-01-01",
        "10:20",
    ),
    *(
        ":",
        ": ",
        "- ",
        "-",
        "[",
        "]",
        "{",
        "}",
        ",",
        "|",
        "|-",
        ">",
        "> ",
        "\n",
        "\n  ",
        "\n  - ",
        "\n- ",
        "\n  k: ",
        "\nj: ",
    ),
    *(
        "#c",
        " #c",
        "\t",
        " ",
        "@",
        "`",
        "%",
        "=",
        "\\",
        "é",
        "\u2028",
        "\ufeff",
        "...",
        "--- ",
        "?x",
        "!",
        "*a",
        "&a",
        "0o7",
    ),
]


@settings(max_examples=3000)
@example(["k: ", "!", "\n  - ", "a"])
@example(["k: ", "{", "null", "}"])
@example(["-3", "\t", ": ", "a"])
@example(["{", "{", "}", "}"])
@example(["k: ", "\u2028", "a"])
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=9))
def test_the_fast_reader_never_reads_what_the_exact_one_wouldnt(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        exact = repr(read_exactly(text))
    except YamlError:
        with pytest.raises(YamlError):
            read_document(text)
    else:
        assert repr(read_document(text)) == exact
