"""Runs a playbook over an inventory's hosts by ansible-runner."""

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tenantry.contract.model import Inventory
from tenantry.data import playbook_dir
from tenantry.hosts.administrator import judge_administrator
from tenantry.hosts.binaries import describe_programs
from tenantry.hosts.events import Listener
from tenantry.hosts.outcome import Action, HostOutcome, Step
from tenantry.hosts.recovery import judge_recovery
from tenantry.hosts.stopping import end_processes, heeded
from tenantry.hosts.variables import to_ansible, to_known_hosts
from tenantry.problems import UnreachableError, problem

PREPARE = "site.yml"
FACTS = "facts.yml"
BMC = "bmc.yml"
UPGRADE = "upgrade.yml"
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
    limit: Sequence[str] = (),
    bundle: Path | None = None,
    more: Mapping[str, Mapping[str, object]] | None = None,
) -> tuple[HostOutcome, ...]:
    """Run a playbook over all hosts, and give what came of each; with `check`, only what would.

    With `limit` only the hosts of those names are run over. Of the playbook's roles, `roles` names those that are run
    after preflight; by default all. With the folder of an opened `bundle`, packages that are missing are installed from
    it. `more` has variables of hosts besides those of their inventory.

    Raises UnreachableError (TEN-725) where Ansible itself fails, and InputError for a file with a passphrase (TEN-754)
    or with keys (TEN-758) that isn't kept as one.
    """
    judge_recovery(inventory)
    judge_administrator(inventory)
    names = [host.name for host in inventory.spec.hosts if not limit or host.name in limit]
    outcomes = {name: HostOutcome(name) for name in names}
    flags = [*(["--check"] if check else []), *(["--tags", ",".join(roles)] if roles else [])]
    listener = Listener(outcomes, progress)
    programs = describe_programs(inventory, roles, limit, bundle) if playbook == PREPARE else {}
    _play(
        inventory,
        playbook,
        outcomes,
        listener,
        flags,
        tell=lambda known_hosts: to_ansible(
            inventory, key, known_hosts, limit, bundle=bundle, programs=programs, more=more or {}
        ),
    )
    if any(one.action in (Action.REFUSED, Action.UNREACHABLE) for one in outcomes.values()):
        for one in outcomes.values():
            if one.action is Action.UNCHANGED:
                one.action = Action.STOPPED
    return tuple(outcomes.values())


def ask_needs(inventory: Inventory) -> tuple[Mapping[str, Any], ...]:
    """Give what the roles need on each host, as `playbooks/roles/packages` names it; reaches none of them.

    Raises UnreachableError (TEN-725) where Ansible itself fails.
    """
    outcomes = {host.name: HostOutcome(host.name) for host in inventory.spec.hosts}
    flags = ["--tags", "needs", "--skip-tags", "always"]
    _play(
        inventory,
        PREPARE,
        outcomes,
        Listener(outcomes, lambda _: None),
        flags,
        tell=lambda known_hosts: to_ansible(inventory, None, known_hosts),
    )
    return tuple(one.needs for one in outcomes.values() if one.needs is not None)


def _play(
    inventory: Inventory,
    playbook: str,
    outcomes: Mapping[str, HostOutcome],
    listener: Listener,
    flags: Sequence[str],
    *,
    tell: Callable[[Path], Mapping[str, object]],
) -> None:
    """Run it with what `tell` says of hosts, when it knows where their public keys are."""
    # In a folder with a short name: a socket's path has a hundred characters at most.
    with tempfile.TemporaryDirectory(prefix="tenantry-hosts-", dir="/tmp") as folder:
        place = Path(folder)
        known_hosts = place / "known_hosts"
        known_hosts.write_text(to_known_hosts(inventory))
        (place / "hosts.json").write_bytes(orjson.dumps(tell(known_hosts)))
        try:
            code, said = _run(place, playbook, listener, flags)
        finally:
            end_processes(place)
    if code and not any(one.problems for one in outcomes.values()):
        last = "".join(f"\n        | {line}" for line in said[-_LAST_LINES:])
        what = f"Ansible failed, with exit code {code}. It said last:{last}\n       "
        raise UnreachableError(problem("TEN-725", what, "report it, if the message doesn't tell what to mend"))


def _run(folder: Path, playbook: str, listener: Listener, flags: Sequence[str]) -> tuple[int, Sequence[str]]:
    import ansible_runner

    with heeded() as stopped:
        done = ansible_runner.run(
            private_data_dir=str(folder),
            playbook=str(playbook_dir() / playbook),
            inventory=str(folder / "hosts.json"),
            cmdline=" ".join(flags),
            envvars=_environment(folder),
            event_handler=listener,
            cancel_callback=stopped,
            quiet=True,
        )
    if done.status == "canceled":
        raise KeyboardInterrupt
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
