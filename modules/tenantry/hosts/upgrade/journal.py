"""What an upgrade keeps of how far it is, so that the same command goes on where it was cut off."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
from cattrs import structure, unstructure

from tenantry.files import write_atomic
from tenantry.problems import InputError, problem

FILE = "upgrade.json"


@dataclass(frozen=True, slots=True)
class Journal:
    """How far an upgrade is.

    `target` has the version of each program, `done` the steps that ended well, `current` the one that was begun, `boot`
    the boot of its host then, and `cordoned` the nodes that were cordoned for it: written down before it is done.
    """

    target: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    current: str = ""
    boot: str = ""
    cordoned: tuple[str, ...] = ()

    @property
    def host(self) -> str:
        """Name the host whose step was begun; none where none was."""
        return self.current.partition("/")[0]

    def begin(self, step: str, boot: str) -> "Journal":
        """Begin a step; the boot is kept of when it was begun first."""
        return self if step == self.current else replace(self, current=step, boot=boot)

    def cordon(self, node: str) -> "Journal":
        """Add a node that is going to be cordoned."""
        return replace(self, cordoned=tuple(dict.fromkeys((*self.cordoned, node))))

    def finish(self, node: str) -> "Journal":
        """End the step that was begun, whose node is no longer cordoned."""
        left = tuple(one for one in self.cordoned if one != node)
        return replace(self, done=(*self.done, self.current), current="", boot="", cordoned=left)

    def aimed_at(self, target: Mapping[str, str]) -> "Journal":
        """Go on to other versions than those that the journal is of: what was done for those counts no more.

        What was begun and who is cordoned stays: that is so whatever the hosts are to become.
        """
        return self if target == self.target else replace(self, target=dict(target), done=())


def read_journal(folder: Path) -> Journal | None:
    """Read the journal of a site's folder; nothing where no upgrade was cut off. Raises InputError (TEN-775)."""
    file = folder / FILE
    try:
        kept = orjson.loads(file.read_bytes())
        if not isinstance(kept, dict) or kept.keys() != unstructure(Journal()).keys():
            raise ValueError("it isn't one")
        return structure(kept, Journal)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError, ExceptionGroup) as error:
        what = f"the journal of the upgrade that was cut off can't be read: {type(error).__name__}"
        fix = "restore it, or remove it and uncordon the nodes that the upgrade cordoned (kubectl get nodes names them)"
        raise InputError(problem("TEN-775", what, fix, file=str(file))) from error


def write_journal(folder: Path, journal: Journal) -> None:
    """Keep a journal."""
    write_atomic(folder / FILE, orjson.dumps(unstructure(journal), option=orjson.OPT_INDENT_2))


def forget_journal(folder: Path) -> None:
    """Remove the journal of an upgrade that ended well."""
    (folder / FILE).unlink(missing_ok=True)
