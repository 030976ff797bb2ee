"""Files of manifests: YAML or JSON, many documents each, with the line where each begins.

Most documents are read by a fast parser of YAML 1.2. Where a document has anything that kubectl reads otherwise, or
that the fast parser refuses, the exact reader takes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from heapq import merge
from pathlib import Path
from typing import NamedTuple

import orjson
import re2
import ryaml

from tenantry.policy.documents.model import Placed, Source
from tenantry.policy.reading.exact import YamlError, read_exactly
from tenantry.policy.reading.scalars import convert_number
from tenantry.problems import InputError, Problem, problem

MOST_BYTES = 256 * 1024 * 1024
# What the API server takes in one request.
MOST_OBJECT_BYTES = 3 * 1024 * 1024
SUFFIXES = (".yaml", ".yml", ".json")

# A plain scalar that kubectl reads otherwise than YAML 1.2, a key that isn't a text, an anchor, an alias or a tag. It
# may find one in a text or a comment, too: then the exact reader reads what the fast one would have. RE2 looks through
# a document in a tenth of the time that Python's own expressions take.
_WORD = "y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|<<"
_NUMBER = (
    r"[-+]?0[0-9oObBxX_][\w.]*|[-+]?[0-9][0-9_]*_[\w.]*|[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+"
    r"|[-+]?[0-9]+\.0*|[-+]?[0-9]{16,}|\+[0-9.]+|-0|[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)"
)
_KEY = r"[-+.]?[0-9][\w.+-]*|true|false|null|True|False|Null|TRUE|FALSE|NULL|~"
_RISK = re2.compile(
    rf"(?m)(?:^|[\s\[{{,]|[\"']:)(?:(?:{_WORD}|{_NUMBER})(?:[\s\]}},:]|$)|[&*][^\s]|!)"
    rf"|(?:^|[\s{{,])(?:{_KEY})[ \t]*:(?:\s|$)|(?:^|\s)\?\s|[\x{{85}}\x{{2028}}\x{{2029}}\x{{FEFF}}]"
    rf"|(?:\{{|\{{[^{{}}]*,)\s*(?:{_KEY})\s*[,}}]"
)
_SEPARATOR = re.compile(r"^---(?:[ \t].*)?$\n?|^\.\.\.[ \t]*$\n?", re.MULTILINE)


def split_documents(text: str) -> Iterator[tuple[str, int]]:
    """The documents of a file as text, each with its first line, from 1; they're split as kubectl splits them."""
    position, line = 0, 1
    for match in _find_separators(text):
        yield text[position : match.start()], line
        line += text.count("\n", position, match.end())
        position = match.end()
    yield text[position:], line


def _find_separators(text: str) -> Iterator[re.Match[str]]:
    """The lines between documents; to look for three characters is quicker than to try a pattern at each line."""
    places = merge((0,), _find_lines(text, "---"), _find_lines(text, "..."))
    return (match for place in places if (match := _SEPARATOR.match(text, place)))


def _find_lines(text: str, start: str) -> Iterator[int]:
    """Where the lines, other than the first, begin that start in a certain way."""
    place = text.find(f"\n{start}")
    while place >= 0:
        yield place + 1
        place = text.find(f"\n{start}", place + 1)


def read_document(text: str) -> object:
    """The value of one document.

    Raises:
        YamlError: It can't be read; the line counts from the document's own beginning.
    """
    if text.lstrip()[:1] == "{" and (found := _read_json(text)) is not None:
        return found
    if _RISK.search(text) is None:
        try:
            return ryaml.loads(text)
        except ValueError:
            # An InvalidYamlError, or a mapping as a key, such as what a chart's template has in braces.
            pass
    return read_exactly(text)


_JSON_KEY = re.compile(rb'"\s*:')


def _read_json(text: str) -> object:
    """The value of a document in JSON; None where it isn't JSON, or says a key twice."""
    try:
        raw = text.encode()
        value = orjson.loads(raw)
        written = orjson.dumps(value)
    except (orjson.JSONDecodeError, TypeError):
        # Not JSON, or nested deeper than is written: the exact reader says so.
        return None
    # Of a key that is given twice the parser keeps the last, and writes one less.
    if len(_JSON_KEY.findall(raw)) != len(_JSON_KEY.findall(written)):
        return None
    return normalise_numbers(value) if _UNUSUAL_NUMBER.search(text) else value


_UNUSUAL_NUMBER = re2.compile(r"[0-9](?:\.|[eE])|[0-9]{16,}")


class Unread(NamedTuple):
    """A document of a file as text, with the line where the text begins."""

    text: str
    file: str
    line: int

    def read(self) -> Iterator[Placed]:
        """The objects of the document.

        Raises:
            InputError: TEN-604, it isn't a manifest.
        """
        source = Source(self.file, _skip_blank(self.text, self.line))
        if len(self.text) > MOST_OBJECT_BYTES and len(self.text.encode()) > MOST_OBJECT_BYTES:
            raise InputError(_report("a document is larger than the 3 MiB that an API server takes", source))
        try:
            yield from _iterate_objects(read_document(self.text), source)
        except YamlError as error:
            where = Source(self.file, self.line + error.line - 1)
            raise InputError(_report(f"a document isn't YAML as kubectl reads it: {error.reason}", where)) from error


def _iterate_objects(value: object, source: Source) -> Iterator[Placed]:
    """The objects of a document: itself, or those of a list."""
    if value is None:
        return
    if not isinstance(value, dict):
        raise InputError(_report("a document must be a mapping", source))
    if str(value.get("kind", "")).endswith("List") and isinstance(value.get("items"), list):
        for item in value["items"]:
            yield from _iterate_objects(item, source)
        return
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str) or not value[key]:
            raise InputError(_report(f"a document has no {key}", source))
    yield Placed(value, source)


def _report(message: str, source: Source) -> Problem:
    fix = "write a Kubernetes manifest, as kubectl would take it"
    return problem("TEN-604", message, fix, file=source.file, line=source.line, column=1 if source.line else 0)


_BLANK = re.compile(r"(?:[ \t]*(?:#.*)?\n)*")


def _skip_blank(text: str, line: int) -> int:
    """The line of a document's first word: blank lines and comments before it aren't where it begins."""
    match = _BLANK.match(text)
    return line + (text.count("\n", 0, match.end()) if match else 0)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def split_text(text: str, file: str) -> Iterator[Unread]:
    """The documents of a text, unread; those that are blank are left out.

    Raises:
        InputError: TEN-604, the text can't be written as UTF-8.
    """
    if not _is_unicode(text):
        raise InputError(_report("the text has characters that UTF-8 can't say", Source(file)))
    for document, line in split_documents(text):
        if document and not document.isspace():
            yield Unread(document, file, line)


def read_text(text: str, file: str) -> Iterator[Placed]:
    """The objects of a text.

    Raises:
        InputError: TEN-604, at the first document that isn't a manifest.
    """
    for document in split_text(text, file):
        yield from document.read()


def read_file(path: Path, shown: str | None = None) -> list[Placed]:
    """The objects of a file.

    Raises:
        InputError: TEN-605 where it can't be read, TEN-604 where it isn't manifests.
    """
    name = str(path) if shown is None else shown
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(problem("TEN-605", f"{name} is larger than 256 MiB", "split it", file=name))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"{name} can't be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        fix = "check the name and its permissions; save it as UTF-8"
        raise InputError(problem("TEN-605", what, fix, file=name)) from error
    return list(read_text(text, name))


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and those of manifests in folders that are, in order."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES and one.is_file())
        else:
            yield path


def read_paths(paths: Iterable[Path]) -> list[Placed]:
    """The objects of files and folders.

    Raises:
        InputError: All files that can't be read (TEN-605) or aren't manifests (TEN-604).
    """
    placed: list[Placed] = []
    problems: list[Problem] = []
    for path in find_files(paths):
        try:
            placed += read_file(path)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return placed


def normalise_numbers(value: object) -> object:
    """A value from JSON with its whole numbers as integers, as kubectl sends them."""
    if isinstance(value, (int, float)):
        return value if isinstance(value, bool) else convert_number(value)
    if isinstance(value, dict):
        return {key: normalise_numbers(one) for key, one in value.items()}
    return [normalise_numbers(one) for one in value] if isinstance(value, list) else value
