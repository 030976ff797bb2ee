#!/usr/bin/python
"""Changes what a host is reached by, and takes it back by itself unless somebody who got in anew confirms it."""

DOCUMENTATION = r"""
module: host_guard
short_description: Change how a host is reached, with a timed return to what was before
description:
  - The new text is tested before it is put in place; then a timer is armed, and only then it comes into force.
  - Unless C(confirmed) within so many seconds, the host puts the old file back and brings that into force.
  - A host that boots before that puts it back on its way, before sshd and the firewall start.
  - Check mode compares and tests by the same code, and stops there.
options:
  name: {type: str, required: true, description: What is guarded; one at a time of each name.}
  state: {type: str, choices: [settled, confirmed], default: settled, description: Whether to change or to confirm.}
  path: {type: str, description: The file.}
  content: {type: str, description: Its text.}
  mode: {type: str, default: "0644", description: Its mode.}
  test: {type: str, default: "true", description: "A shell's text that fails on a wrong text, in the file $candidate."}
  tail: {type: str, default: "", description: What is added to the text for its test.}
  live: {type: str, default: "true", description: "A shell's text that fails where $candidate isn't in force."}
  save: {type: str, default: "true", description: "A shell's text that keeps what is in force in the folder $kept."}
  apply: {type: str, default: "true", description: A shell's text that brings the file into force.}
  undo: {type: str, default: "true", description: "A shell's text that brings back what $kept has."}
  seconds: {type: int, default: 60, description: How long it waits for a confirmation.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Settle
  host_guard:
    name: sshd
    path: /etc/ssh/sshd_config.d/00-tenantry.conf
    content: "PermitRootLogin no\n"
    apply: systemctl reload ssh
    undo: systemctl reload ssh
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
"""

import os
import shlex
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import NOT_FOUND, command, difference, put, read, write
from ansible.module_utils.host_turn import take_turn

GUARDS = "/var/lib/tenantry/guards"
BOOT = "tenantry-undo.service"
# A timer is gone with a boot, and a file isn't: what a power failure left unconfirmed goes back before it is read.
BOOT_UNIT = f"""# Written by tenantry (host_guard); changes here are overwritten.
[Unit]
Description=Take back changes that nobody confirmed before the host went down
DefaultDependencies=no
RequiresMountsFor=/etc {GUARDS}
After=systemd-remount-fs.service
Before=sysinit.target nftables.service ssh.service
ConditionPathExistsGlob={GUARDS}/*/back

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'for one in {GUARDS}/*/back; do /bin/sh "$one" && rm -f "$one"; done'

[Install]
WantedBy=sysinit.target
"""


def shell(text, **variables):
    """Run a shell's text; give its code and what it printed."""
    words = [f"{name}={shlex.quote(value)}" for name, value in variables.items()]
    return command("/bin/sh", "-eu", "-c", "\n".join([*words, text]))


def timer(name):
    """Name the unit that takes a change back."""
    return f"tenantry-undo-{name}"


def is_pending(name):
    """Say whether a change waits for its confirmation: who made it was killed before it came to that."""
    return command("systemctl", "is-active", "--quiet", f"{timer(name)}.timer")[0] == 0


def find_changes(asked, candidate):
    """Say what differs: the file, or else what is in force."""
    file = difference(asked)
    if file:
        return [file]
    if is_pending(asked["name"]):
        return [f"{asked['name']} waits for its confirmation"]
    return [] if shell(asked["live"], candidate=candidate)[0] == 0 else [f"{asked['name']} isn't in force as its file"]


def arm(asked):
    """Keep what is in force now, and have it brought back in a while, whatever becomes of us."""
    kept = f"{GUARDS}/{asked['name']}"
    shutil.rmtree(kept, ignore_errors=True)
    os.makedirs(kept, mode=0o700)
    before = read(asked["path"])
    path = shlex.quote(asked["path"])
    back = f"cp -p {kept}/file {path}" if before is not None else f"rm -f {path}"
    if before is not None:
        shutil.copy2(asked["path"], f"{kept}/file")
    code, said = shell(asked["save"], kept=kept)
    if code:
        return said
    put(f"{kept}/undo", f"set -u\nkept={kept}\n{back}\n{asked['undo']}\nrm -f {kept}/back\n", 0o600)
    put(f"{kept}/back", f"{back}\n", 0o600)
    if failed := arm_boot():
        return failed
    unit = ("--quiet", "--collect", f"--unit={timer(asked['name'])}", f"--on-active={asked['seconds']}")
    command("systemctl", "stop", f"{timer(asked['name'])}.timer")
    code, said = command("systemd-run", *unit, "--timer-property=AccuracySec=1s", "/bin/sh", f"{kept}/undo")
    return said if code else ""


def arm_boot():
    """Have a boot take back what isn't confirmed, too; on the disk before anything is changed."""
    unit = {"path": f"/etc/systemd/system/{BOOT}", "content": BOOT_UNIT}
    if difference(unit):
        write(unit)
        command("systemctl", "daemon-reload")
    code, said = command("systemctl", "--quiet", "enable", BOOT)
    os.sync()
    return said if code else ""


def take_back(name):
    """Bring back at once what was before, instead of in a while."""
    command("systemctl", "stop", f"{timer(name)}.timer")
    command("/bin/sh", f"{GUARDS}/{name}/undo")
    shutil.rmtree(f"{GUARDS}/{name}", ignore_errors=True)


def confirm(name):
    """Keep the change: whoever asks for that got in."""
    code, said = command("systemctl", "stop", f"{timer(name)}.timer")
    if code:
        return f"no new login got in in time, so the host has taken the old ones back ({said.strip()})"
    shutil.rmtree(f"{GUARDS}/{name}", ignore_errors=True)
    return ""


def settle(module, candidate):
    """Compare, test, arm the timer, and change."""
    asked = module.params
    put(candidate, asked["content"], 0o600)
    put(f"{candidate}.test", asked["content"] + asked["tail"], 0o600)
    changes = find_changes(asked, candidate)
    if not changes:
        return changes
    code, said = shell(asked["test"], candidate=f"{candidate}.test")
    if code == NOT_FOUND and module.check_mode:
        return changes
    if code:
        module.fail_json(msg=f"the new {asked['path']} isn't right, and wasn't put in place: {said.strip()}")
    if is_pending(asked["name"]) and not difference(asked):
        return changes
    if not module.check_mode:
        if is_pending(asked["name"]):
            take_back(asked["name"])
        if failed := arm(asked):
            module.fail_json(msg=f"its return can't be armed, so nothing was changed: {failed}")
        write(asked)
        code, said = shell(asked["apply"])
        if code:
            take_back(asked["name"])
            module.fail_json(msg=f"it doesn't come into force, and was taken back: {said.strip()}")
    return changes


def main():
    """Settle or confirm."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["settled", "confirmed"], "default": "settled"},
            "path": {"type": "str"},
            "content": {"type": "str"},
            "mode": {"type": "str", "default": "0644"},
            "tail": {"type": "str", "default": ""},
            "seconds": {"type": "int", "default": 60},
            **{name: {"type": "str", "default": "true"} for name in ("test", "live", "save", "apply", "undo")},
        },
        required_if=[("state", "settled", ("path", "content"))],
        supports_check_mode=True,
    )
    take_turn(module)
    if module.params["state"] == "confirmed":
        if failed := confirm(module.params["name"]):
            module.fail_json(msg=failed)
        module.exit_json(changed=False, changes=[])
    with tempfile.TemporaryDirectory(prefix="tenantry-", dir="/run") as folder:
        changes = settle(module, f"{folder}/candidate")
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
