"""Files that mean harm get a problem with a code and a place, in bounded time and memory, and never a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from examples import MINIMAL, write
from tenantry.contract.documents import read_documents
from tenantry.contract.reading.reader import read_file, read_text
from tenantry.contract.reading.schema import validate
from tenantry.contract.reading.source import MAX_BYTES

LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))

HOSTILE: dict[str, tuple[str, bytes]] = {
    "alias bomb": ("TEN-107", LAUGHS.encode()),
    "alias bomb of merge keys": (
        "TEN-107",
        ("a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n}\n  <<: [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 12))).encode(),
    ),
    "merge key": ("TEN-107", b"a: &a {b: 1}\nc:\n  <<: *a\n"),
    "alias to itself": ("TEN-107", b"a: &a [*a]\n"),
    "50 MB": ("TEN-101", b"a: b\n" * 10_000_000),
    "50 MB in one scalar": ("TEN-101", b"a: " + b"x" * 50_000_000),
    "very many values": ("TEN-101", b"[" + b"1," * 500_000 + b"1]"),
    "UTF-16": ("TEN-103", MINIMAL.encode("utf-16")),
    "UTF-16 without a mark": ("TEN-103", MINIMAL.encode("utf-16-le")),
    "UTF-32": ("TEN-103", MINIMAL.encode("utf-32")),
    "Latin-1": ("TEN-103", "title: Gesundheitsbehörde\n".encode("latin-1")),
    "binary": ("TEN-103", bytes(range(256)) * 100),
    "an ELF file": ("TEN-103", b"\x7fELF\x02\x01\x01" + b"\0" * 64),
    "control characters": ("TEN-105", b"a: b\x07c\n"),
    "UTF-16, the other way round": ("TEN-103", MINIMAL.encode("utf-16-be")),
    "a NUL": ("TEN-103", MINIMAL.encode() + b"\0"),
    "half a pair": ("TEN-105", MINIMAL.encode() + b'  size: "\\ud800"\n'),
    "duplicate keys": ("TEN-106", b"a: 1\nb: 2\na: 3\n"),
    "duplicate keys, differently quoted": ("TEN-106", b"a: 1\n'a': 3\n"),
    "tabs": ("TEN-105", b"a:\n\tb: 1\n"),
    "deep lists": ("TEN-109", b"[" * 100_000),
    "deep maps": ("TEN-109", b"{a: " * 100_000),
    "deep lists without an end in sight": ("TEN-109", MINIMAL.encode() + b"  size: " + b"[" * 900_000),
    "deep blocks": ("TEN-109", "".join(f"{' ' * n}a:\n" for n in range(1000)).encode()),
    "deep dashes": ("TEN-109", b"- " * 100_000),
    "NaN": ("TEN-110", b"a: .nan\n"),
    "NaN, as JSON writes it": ("TEN-110", b'{"a": NaN}'),
    "Infinity": ("TEN-110", b"a: -.inf\n"),
    "Infinity, as JSON writes it": ("TEN-110", b'{"a": Infinity}'),
    "a number beyond floats": ("TEN-110", b"a: 1e999\n"),
    "a number of a million digits, in base 16": ("TEN-110", b"a: 0x" + b"f" * 900_000),
    "a number beyond all bounds": ("TEN-125", MINIMAL.encode() + b"  quota: {pods: 99999999999999999999}\n"),
    "a day that isn't one": (
        "TEN-126",
        MINIMAL.encode() + b"  lease: {starts: 2026-13-45, ends: 2026-12-01, reason: abc}\n",
    ),
    "a day with a time": (
        "TEN-126",
        MINIMAL.encode() + b"  lease: {starts: 2026-12-01, ends: 2026-12-31T10:00:00Z, reason: abc}\n",
    ),
    "a number of a million digits": ("TEN-110", b"a: " + b"9" * 1_000_000),
    "custom tag": ("TEN-108", b"a: !!python/object/apply:os.system ['true']\n"),
    "tagged text": ("TEN-108", b"a: !secret b\n"),
    "map as a key": ("TEN-113", b"{a: 1}: 2\n"),
    "list as a key": ("TEN-113", b"? [a, b]\n: 2\n"),
    "empty file": ("TEN-111", b""),
    "only comments": ("TEN-111", b"# nothing\n"),
    "unfinished": ("TEN-105", b"a: [1, 2\n"),
    "unfinished text": ("TEN-105", b'a: "never ends\n'),
    "not a document of ours": ("TEN-112", b"apiVersion: v1\nkind: Pod\n"),
    "a list": ("TEN-112", b"- a\n"),
    "an empty document": ("TEN-111", b"---\n---\n"),
    "kind is a map": ("TEN-112", b"apiVersion: tenantry.dev/v1\nkind: {a: b}\n"),
    "many unclosed quotes": ("TEN-105", b"'\n" * 500_001),
    "many anchors": ("TEN-112", b"".join(b"- &a%d x\n" % n for n in range(20_000))),
    "a name of 900 KB": ("TEN-123", MINIMAL.encode().replace(b"vaccine-records", b"x" * 900_000)),
    "a text of 900 KB in many lines": ("TEN-123", MINIMAL.encode() + b"  size: |\n" + b"    xxxx\n" * 100_000),
    "a property of 900 KB": ("TEN-105", MINIMAL.encode() + b"  " + b"x" * 900_000 + b": 1\n"),
    "a text that makes patterns slow": (
        "TEN-125",
        MINIMAL.encode() + b"  contacts: {owner: 'a@" + b"a." * 400_000 + b" '}\n",
    ),
    "many texts that make patterns slow": (
        "TEN-125",
        b"".join(
            b"---\n" + MINIMAL.encode() + b"  contacts: {owner: 'a@" + b"a." * 1000 + b" '}\n" for _ in range(470)
        ),
    ),
    "70,000 unknown properties": ("TEN-101", MINIMAL.encode() + b"".join(b"  x%d: 1\n" % n for n in range(70_000))),
    "40,000 unknown properties": ("TEN-129", MINIMAL.encode() + b"".join(b"  x%d: 1\n" % n for n in range(40_000))),
    "a thousand unknown properties": ("TEN-120", MINIMAL.encode() + b"".join(b"  x%d: 1\n" % n for n in range(1000))),
    "20,000 entries, all alike": ("TEN-125", MINIMAL.encode() + b"  access: [" + b"{a: 1}, " * 20_000 + b"]\n"),
    "40,000 wrong entries": ("TEN-125", MINIMAL.encode() + b"  buckets: [" + b"{}, " * 40_000 + b"]\n"),
    "20,000 labels": (
        "TEN-125",
        MINIMAL.encode().replace(
            b"spec:", b"  labels: {" + b"".join(b"k%d: 1, " % n for n in range(20_000)) + b"}\nspec:"
        ),
    ),
    "35,000 hosts": (
        "TEN-125",
        MINIMAL.encode()
        + b"  ingress: {hosts: ["
        + b"".join(b"h%d.a.b.example, " % n for n in range(35_000))
        + b"]}\n",
    ),
    "100,000 empty documents": ("TEN-111", b"---\n" * 100_000),
    "100,000 documents": ("TEN-101", b"--- {}\n" * 100_000),
    "18,000 documents with typing errors": (
        "TEN-129",
        b"--- {apiVersion: tenantry.dev/v1, kind: Tenant, speck: 1}\n" * 18_000,
    ),
    "99,000 duplicate keys": ("TEN-129", b"{" + b"a: 1," * 99_000 + b"}"),
    "99,000 NaNs": ("TEN-129", b"[" + b".nan," * 99_000 + b"]"),
    "a property with a steering name": ("TEN-120", MINIMAL.encode() + b'  "\\e[2J": 1\n'),
}

MOST_TOLD = 250
"""However many faults a file has, no more problems than these are told of it."""

# VmHWM and not ru_maxrss, which begins with the memory of the process that started this one.
MEASURE = """
import json, re, sys, time
from pathlib import Path
from tenantry.contract.documents import read_documents
started = time.process_time()
_, problems = read_documents([Path(sys.argv[1])])
spent = time.process_time() - started
kib = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
print(json.dumps({"seconds": spent, "kib": kib, "codes": [p.code for p in problems]}))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_a_problem_within_bounds(name: str, tmp_path: Path) -> None:
    code, content = HOSTILE[name]
    path = write(tmp_path, "hostile.yaml", content)
    # The time-out only ends what would never end; all of these take under a second.
    command = [sys.executable, "-c", MEASURE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    print(f"{name}: {found['seconds']:.3f} s, {found['kib'] >> 10} MiB")  # noqa: T201
    assert code in found["codes"]
    assert len(found["codes"]) <= MOST_TOLD
    assert found["kib"] < 200 * 1024


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: &d 1\nb:\n  c: *d\n", "TEN-107", 3, 6),
        ("a: 1\nb: !x 2\n", "TEN-108", 2, 4),
        ("a: 1\nb: 2\na: 3\n", "TEN-106", 3, 1),
        ("a:\n  - 1\n  - .inf\n", "TEN-110", 3, 5),
        ("a:\n\tb: 1\n", "TEN-105", 2, 1),
    ],
)
def test_a_fault_has_its_place(text: str, code: str, line: int, column: int) -> None:
    _, (fault,) = read_text(text, "x.yaml")
    assert (fault.code, fault.line, fault.column) == (code, line, column)


@pytest.mark.parametrize(
    "text", [f"{MINIMAL}\tsize: small\n", f"{MINIMAL}  size: *a\n", f"{MINIMAL}  size: [\n", f"{MINIMAL}  size: .nan\n"]
)
def test_a_fault_is_not_told_a_second_time_as_what_follows_from_it(text: str, tmp_path: Path) -> None:
    _, problems = read_documents([write(tmp_path, "a.yaml", f"{MINIMAL}---\n{text}")])
    assert len(problems) == 1, problems


def test_a_byte_that_is_not_text_has_its_place(tmp_path: Path) -> None:
    _, (fault,) = read_file(write(tmp_path, "a.yaml", b"a: b\nc: \xe9\n"))
    assert (fault.code, fault.line, fault.column) == ("TEN-103", 2, 4)


def test_what_is_shown_does_not_steer_a_terminal() -> None:
    _, (fault,) = read_text('"\\e[2J\\u202e\\x9b": 1\n"\\e[2J\\u202e\\x9b": 2\n', "x.yaml")
    assert fault.code == "TEN-106"
    assert fault.message.isprintable()
    (document,), _ = read_text(MINIMAL + '  "\\e[2J\\x9bé": 1\n', "x.yaml")
    (fault,) = validate(document)
    assert fault.message.isprintable()
    assert "é" in fault.message


def test_a_made_up_name_on_the_way_does_not_steer_a_terminal() -> None:
    text = MINIMAL.replace("spec:", '  labels: {"\\e[2J\\x9bx": 1}\nspec:')
    (document,), _ = read_text(text, "x.yaml")
    assert len(validate(document)) == 2
    assert all(fault.message.isprintable() for fault in validate(document))


def test_several_documents_are_read_and_keep_their_places() -> None:
    documents, problems = read_text(f"{MINIMAL}---\n{MINIMAL}", "x.yaml")
    assert problems == ()
    assert [one.place(("spec", "id")).line for one in documents] == [6, 17]


def test_data_means_what_it_says() -> None:
    text = "[yes, no, on, off, 012, 1_000, 1:30, 2026-01-01, 0x10, 0o10, 1.5, true, null, ~, '1', 1e3, =, NO]"
    (one,), problems = read_text(text, "x.yaml")
    assert problems == ()
    said = ["yes", "no", "on", "off", 12, "1_000", "1:30", "2026-01-01", 16, 8, 1.5, True, None, None, "1", 1000.0]
    assert one.data == [*said, "=", "NO"]


def test_a_file_of_the_largest_size_is_read() -> None:
    text = MINIMAL + "#" * (MAX_BYTES - len(MINIMAL))
    assert len(read_text(text, "x.yaml")[0]) == 1


def test_json_is_read_too() -> None:
    (one,), problems = read_text('{\n\t"a": [1, true, null, "\\u00e9\\/"]\n}\n', "x.json")
    assert (one.data, problems) == ({"a": [1, True, None, "é/"]}, ())
