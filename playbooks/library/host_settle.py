#!/usr/bin/python
"""Brings a host's files, kernel settings, modules, mounts, accounts and services to what is wanted, in one go."""

DOCUMENTATION = r"""
module: host_settle
short_description: Bring files, kernel settings, modules, mounts, accounts and services to what is wanted
description:
  - Compares everything first, and then changes what differs. Check mode compares by the same code, and stops there.
  - C(changes) says what differed, in the same words in both.
options:
  files: {type: list, elements: dict, default: [], description: "path, content and mode of each; no content: no file."}
  keywords: {type: dict, default: {}, description: "Values of keywords in files that are a package's, by its path."}
  rights: {type: list, elements: dict, default: [], description: "path of a file or folder, and the most mode it has."}
  homes: {type: str, default: "7777", description: The most mode of the homes of people's accounts.}
  sysctl: {type: dict, default: {}, description: Kernel settings in force.}
  load: {type: list, elements: str, default: [], description: Kernel modules that are to be loaded.}
  unload: {type: list, elements: str, default: [], description: Kernel modules that are not to be.}
  mounts: {type: list, elements: dict, default: [], description: "Lines of fstab, with source, path, fs and options."}
  lock: {type: bool, default: false, description: Whether passwords are locked, but those in passwords.}
  passwords: {type: list, elements: str, default: [], description: Accounts that may have a password.}
  services: {type: list, elements: dict, default: [], description: "name of each, and the paths it is restarted for."}
  replaced: {type: list, elements: str, default: [], description: Services whose program a run would have replaced.}
  proof: {type: str, default: "true", description: A shell's text that proves that it works.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Settle
  host_settle:
    sysctl: {kernel.kptr_restrict: "2"}
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
"""

import os
import stat

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import (
    command,
    difference,
    keyword_values,
    put_keyword,
    put_line,
    read,
    write,
)
from ansible.module_utils.host_turn import take_turn

FSTAB = "/etc/fstab"
UNITS = "/etc/systemd/system/"
PEOPLE, NOBODY = 1000, 65534
"""The numbers of accounts that Debian doesn't keep for the system are from the one to below the other."""


def keyword_changes(files):
    """Give each keyword of a package's file that hasn't its value."""
    for path, wanted in files.items():
        for name, value in wanted.items():
            now = keyword_values(read(path) or "", name)
            if now != [value]:
                was = ", then ".join(now) or "unset"
                yield (
                    f"{path} {name}: {was} to {value}",
                    lambda path=path, name=name, value=value: put_keyword(path, name, value),
                )


def rights_changes(rights):
    """Give each file and folder that is there and gives more rights than it may; fewer are left as they are."""
    for one in rights:
        path, most = one["path"], int(one["mode"], 8)
        now = stat.S_IMODE(os.stat(path).st_mode) if os.path.exists(path) else 0
        if now & ~most:
            yield (
                f"{path} has rights {now:04o}, more than {most:04o}",
                lambda path=path, less=now & most: os.chmod(path, less),
            )


def homes():
    """Give the folders of accounts that people log in by, if they are theirs: a home may also be / or another's."""
    accounts = (line.split(":") for line in (read("/etc/passwd") or "").splitlines())
    people = [one for one in accounts if PEOPLE <= int(one[2]) < NOBODY and not one[6].endswith(("nologin", "false"))]
    return [one[5] for one in people if os.path.isdir(one[5]) and os.stat(one[5]).st_uid == int(one[2])]


def setting_path(name):
    """Give where the kernel has a setting: dots are slashes, and a slash in a name is a dot."""
    return "/proc/sys/" + name.translate(str.maketrans("./", "/."))


def sysctl_changes(wanted):
    """Give each setting that isn't as wanted, with what sets it."""
    for name, value in wanted.items():
        now = read(setting_path(name))
        if now is None or now.split() != str(value).split():
            was = "unset" if now is None else " ".join(now.split())
            yield f"sysctl {name}: {was} to {value}", lambda name=name, value=value: set_sysctl(name, value)


def set_sysctl(name, value):
    """Set a kernel setting now; its file is for the next boot."""
    with open(setting_path(name), "w", encoding="ascii") as out:
        out.write(str(value))


def module_changes(load, unload):
    """Give each module that is to be loaded and isn't, or the other way round."""
    loaded = {line.split()[0] for line in (read("/proc/modules") or "").splitlines()}
    for name in load:
        # A module that is built in has a folder there, too.
        if not os.path.isdir(f"/sys/module/{name}"):
            yield f"module {name} isn't loaded", lambda name=name: must("modprobe", name)
    for name in unload:
        if name in loaded:
            yield f"module {name} is loaded", lambda name=name: must("modprobe", "-r", name)


def mount_changes(mounts):
    """Give each mount that isn't in fstab as wanted, or not in force."""
    now = {line.split()[1]: set(line.split()[3].split(",")) for line in (read("/proc/mounts") or "").splitlines()}
    for one in mounts:
        line = f"{one['source']} {one['path']} {one['fs']} {one['options']} 0 0"
        if line not in (read(FSTAB) or "").splitlines():
            yield f"fstab has no line for {one['path']}", lambda line=line: put_line(FSTAB, 1, line)
        wanted = {name for name in one["options"].split(",") if name in ("nodev", "nosuid", "noexec")}
        if one["path"] not in now:
            yield f"{one['path']} isn't a mount of its own", lambda one=one: mount(one["path"])
        elif not wanted <= now[one["path"]]:
            lacking = ", ".join(sorted(wanted - now[one["path"]]))
            yield (
                f"{one['path']} is mounted without {lacking}",
                lambda one=one: must("mount", "-o", f"remount,{one['options'].replace('bind,', '')}", one["path"]),
            )


def mount(path):
    """Mount what fstab now has; what everybody may write to stays so."""
    must("systemctl", "daemon-reload")
    must("mount", path)
    os.chmod(path, 0o1777)


def account_changes(allowed):
    """Give each account that has a password and may not."""
    for line in (read("/etc/shadow") or "").splitlines():
        name, password = line.split(":")[:2]
        if name not in allowed and not password.startswith(("!", "*")):
            yield f"account {name} has a password", lambda name=name: must("passwd", "-q", "-l", name)


def service_changes(services, changed, replaced):
    """Give each service that doesn't run, doesn't come back with a boot, or is to be restarted for its files."""
    if not services:
        return
    # Also of one whose package isn't there yet: then both say so, in check mode.
    units = [one["name"] if "." in one["name"] else f"{one['name']}.service" for one in services]
    said = command("systemctl", "show", "--property=UnitFileState,ActiveState,MainPID", *units)[1]
    states = [dict(line.split("=", 1) for line in part.splitlines()) for part in said.strip().split("\n\n")]
    for one, state in zip(services, states, strict=True):
        name = one["name"]
        if state.get("UnitFileState") != "enabled":
            yield f"service {name} isn't enabled", lambda name=name: must("systemctl", "-q", "enable", name)
        if state.get("ActiveState") != "active":
            yield f"service {name} doesn't run", lambda name=name: must("systemctl", "start", name)
        elif changed & set(one.get("files", ())):
            yield f"service {name} has other files", lambda name=name: must("systemctl", "restart", name)
        elif name in replaced or runs_replaced(state.get("MainPID")):
            yield f"service {name} runs another program", lambda name=name: must("systemctl", "restart", name)


def runs_replaced(process):
    """Say whether the file that a process was started from is there no more."""
    try:
        return os.readlink(f"/proc/{process}/exe").endswith(" (deleted)")
    except OSError:
        return False


def file_changes(files):
    """Give each file that isn't as wanted; after the last of its units, systemd reads them anew."""
    units = [one["path"] for _, one in files if one["path"].startswith(UNITS)]
    for said, one in files:
        yield said, lambda one=one: put_file(one, last=one["path"] in units[-1:])


def put_file(one, last):
    """Write a file."""
    write(one)
    if last:
        must("systemctl", "daemon-reload")


class CommandError(Exception):
    """A command failed."""


def must(*words):
    """Run a command that has to succeed."""
    code, said = command(*words)
    if code:
        raise CommandError(f"{' '.join(words)}: {said.strip() or code}")


def find_changes(wanted):
    """Give all that differs, in the order in which it is changed: files first, for what is in force comes of them."""
    files = [(said, one) for one in wanted["files"] if (said := difference(one))]
    changes = [*file_changes(files)]
    changes += keyword_changes(wanted["keywords"])
    changes += rights_changes([*wanted["rights"], *({"path": path, "mode": wanted["homes"]} for path in homes())])
    changes += module_changes(wanted["load"], wanted["unload"])
    changes += sysctl_changes(wanted["sysctl"])
    changes += mount_changes(wanted["mounts"])
    if wanted["lock"]:
        changes += account_changes(wanted["passwords"])
    changes += service_changes(wanted["services"], {one["path"] for _, one in files}, wanted["replaced"])
    return changes


def apply(module, changes, said):
    """Change what differs, then look again: to switch forwarding over sets other settings back."""
    for _ in range(2):
        for text, change in changes:
            try:
                change()
            except (OSError, CommandError) as error:
                module.fail_json(msg=f"{text}, and that can't be changed: {error}", changes=said)
        changes = find_changes(module.params) if changes else []
    if changes:
        module.fail_json(msg=f"changed, and still so: {'; '.join(text for text, _ in changes)}", changes=said)


def main():
    """Compare, then change."""
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "default": []},
            "keywords": {"type": "dict", "default": {}},
            "rights": {"type": "list", "elements": "dict", "default": []},
            "homes": {"type": "str", "default": "7777"},
            "sysctl": {"type": "dict", "default": {}},
            "load": {"type": "list", "elements": "str", "default": []},
            "unload": {"type": "list", "elements": "str", "default": []},
            "mounts": {"type": "list", "elements": "dict", "default": []},
            "lock": {"type": "bool", "default": False},
            "passwords": {"type": "list", "elements": "str", "default": [], "no_log": False},
            "services": {"type": "list", "elements": "dict", "default": []},
            "replaced": {"type": "list", "elements": "str", "default": []},
            "proof": {"type": "str", "default": "true"},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    changes = find_changes(module.params)
    said = [text for text, _ in changes]
    if not module.check_mode:
        apply(module, changes, said)
    if not (module.check_mode and said):
        code, why = command("/bin/sh", "-c", module.params["proof"])
        if code:
            module.fail_json(
                msg=f"all is set, and it doesn't work: {why.strip() or module.params['proof']}", changes=said
            )
    module.exit_json(changed=bool(said), changes=said)


if __name__ == "__main__":
    main()
