"""What pages that stand by themselves are made of: parts beside the code that fills them, named by their content."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path


def read_part(beside: str, name: str) -> str:
    """Read a part of a page, a file beside a module's own (`__file__`)."""
    return Path(beside).with_name(name).read_text(encoding="utf-8")


def name_inline(text: str) -> str:
    """Name an inline element by its content. Source: Content Security Policy Level 3, section 2.3.1."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
