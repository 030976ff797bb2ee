"""Text that every reader of a report can take."""

import re

_UNPRINTABLE = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAKS = re.compile("[\t\n\x85\u2028\u2029]+")
_MARKUP = re.compile(r"([\\`*_~^\[\]{}<>&!])")


def make_printable(text: str) -> str:
    """Replace what XML has no way to write, and with it half of a surrogate pair, which no file can hold."""
    return _UNPRINTABLE.sub("\ufffd", text)


def make_line(text: str) -> str:
    """Make one line of a text, without space around it; a byte order mark is a space to some readers."""
    return _BREAKS.sub(" ", make_printable(text).replace("\ufeff", "\ufffd")).strip()


def make_markdown(text: str) -> str:
    """Make one line of CommonMark that shows a text as it is. One that is to stand first in a block starts with a word.

    Names in a file are whatever somebody wrote: none becomes a link, an image or HTML on somebody's page.
    """
    return _MARKUP.sub(r"\\\1", make_line(text))
