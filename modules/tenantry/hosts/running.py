"""Runs a playbook over an inventory's hosts by ansible-runner."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import orjson

from tenantry.contract.model import Inventory
from tenantry.data import playbook_dir
from tenantry.hosts.events import Listener
from tenantry.hosts.outcome import Action, HostOutcome, Step
from tenantry.hosts.variables import to_ansible, to_known_hosts
from tenantry.problems import UnreachableError, problem

PREPARE = "site.yml"
FACTS = "facts.yml"
EVERYTHING = ("all", "facts")
"""All roles of `PREPARE`, and that of the facts, which it leaves out otherwise."""
_LAST_LINES = 12
_NO_HOST_LEFT = "another host was refused or didn't answer, so nothing was changed here"


def run_playbook(
    inventory: Inventory,
    playbook: str,
    key: Path | None,
    *,
    check: bool,
    progress: Callable[[Step], None],
    roles: Sequence[str] = (),
    artefacts: Mapping[str, object] | None = None,
) -> tuple[HostOutcome, ...]:
    """Run a playbook over all hosts, and give what came of each; with `check`, only what would.

    Of the playbook's roles, `roles` names those that are run after preflight; by default all. `artefacts` is what
    `artefacts_of` gives for them.

    Raises UnreachableError (TEN-725) where Ansible itself fails.
    """
    outcomes = {host.name: HostOutcome(host.name) for host in inventory.spec.hosts}
    # In a folder with a short name: a socket's path has a hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="tenantry-hosts-", dir="/tmp") as folder:
        place = Path(folder)
        _write_inventory(inventory, place, key, artefacts)
        flags = [*(["--check"] if check else []), *(["--tags", ",".join(roles)] if roles else [])]
        code, said = _run(place, playbook, Listener(outcomes, progress), flags)
    if code and not any(one.problems for one in outcomes.values()):
        last = "".join(f"\n        | {line}" for line in said[-_LAST_LINES:])
        what = f"Ansible failed, with exit code {code}. It said last:{last}\n       "
        raise UnreachableError(problem("TEN-725", what, "report it, if the message doesn't tell what to mend"))
    if any(one.action in (Action.REFUSED, Action.UNREACHABLE) for one in outcomes.values()):
        for one in outcomes.values():
            if one.action is Action.UNCHANGED:
                one.action = Action.STOPPED
    return tuple(outcomes.values())


def _write_inventory(
    inventory: Inventory, folder: Path, key: Path | None, artefacts: Mapping[str, object] | None
) -> None:
    known_hosts = folder / "known_hosts"
    known_hosts.write_text(to_known_hosts(inventory))
    (folder / "hosts.json").write_bytes(orjson.dumps(to_ansible(inventory, key, known_hosts, artefacts)))


def _run(folder: Path, playbook: str, listener: Listener, flags: Sequence[str]) -> tuple[int, Sequence[str]]:
    import ansible_runner

    done = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=str(playbook_dir() / playbook),
        inventory=str(folder / "hosts.json"),
        cmdline=" ".join(flags),
        envvars=_environment(folder),
        event_handler=listener,
        quiet=True,
    )
    return done.rc, done.stdout.read().splitlines()


def _environment(folder: Path) -> dict[str, str]:
    """Settle by ourselves what Ansible would take from the user's environment and files."""
    return {
        # It is installed beside us, also where that isn't on the PATH.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(playbook_dir() / "ansible.cfg"),
        # ansible-runner switches it off, and a host that proves nothing could be anybody.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_LOCAL_TEMP": str(folder / "local"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
