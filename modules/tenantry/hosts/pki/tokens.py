"""The keys that sign service accounts' tokens: one a control-plane host, made there; all hosts know the public halves.

So no private key is the same on two hosts, and none has to be brought from one to another.
"""

from collections.abc import Iterable
from pathlib import Path

from tenantry.files import write_atomic

TO_BE_MADE = "# to be made\n"


def keep_token(folder: Path, host: str, public: str) -> None:
    """Keep the public half of a host's key. Raises OSError."""
    file = _file(folder, host)
    if not file.is_file() or file.read_text() != public:
        write_atomic(file, public.encode())


def all_tokens(folder: Path, hosts: Iterable[str], coming: Iterable[str] = ()) -> str:
    """Give the public halves of all hosts' keys, as kube-apiserver reads them; also of hosts that are gone.

    A host whose key isn't made yet, or is `coming` anew, has a comment in its place, which nothing in force has.
    """
    kept = {file.stem: file.read_text() for file in folder.glob("tokens/*.pub")}
    kept |= dict.fromkeys(coming, TO_BE_MADE)
    return "".join(kept.get(host, TO_BE_MADE) for host in sorted({*hosts, *kept}))


def _file(folder: Path, host: str) -> Path:
    return folder / "tokens" / f"{host}.pub"
