#!/usr/bin/python
"""Installs the packages that a host lacks from a bundle alone; predicts it by apt's own words."""

DOCUMENTATION = r"""
module: host_packages
short_description: Install from a bundle what a host lacks, with no other source
description:
  - What would be installed is asked of apt itself, with the bundle's index as its only source, in check mode, too.
  - Refuses, in C(refused), a bundle for another system, packages that don't fit, and what would remove others.
  - The action of the same name gives it index, digests and archive; what a run needs of the bundle alone is copied.
options:
  packages: {type: list, elements: str, default: [], description: Packages that are to be installed.}
  system: {type: dict, required: true, description: "id, version and architecture that the bundle is for."}
  index: {type: str, required: true, description: "The bundle's packages, in the form of Debian's Packages."}
  replaced: {type: list, elements: str, default: [], description: Packages that may be removed for others.}
  held: {type: list, elements: str, default: [], description: Services that their roles start, and no package.}
  updates: {type: list, elements: dict, required: true, description: "Indexes of security updates: path, sha256, date."}
  newer: {type: bool, default: false, description: Whether installed packages that the bundle has newer come, too.}
  look: {type: bool, default: false, description: "Whether it only looks, for C(needed) and C(waiting)."}
  archive: {type: path, description: A tar with what is needed.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Install
  host_packages:
    bundle: /srv/opened-bundle
    packages: [chrony]
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
waiting: {description: What would be changed., type: list, returned: with look}
needed: {description: Paths in the bundle., type: list, returned: always}
fresh: {description: Files below /etc that packages brought., type: list, returned: when something was installed}
refused: {description: "key, value, what and fix of each reason.", type: list, returned: on failure}
"""

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_apt import KEEP_FILES, broken, describe, missing, planned, repository, stanzas
from ansible.module_utils.host_files import command, read, reason
from ansible.module_utils.host_turn import take_turn
from ansible.module_utils.host_updates import HELD, dated

SCRATCH = "/var/cache/tenantry-bundle"
SPARE = 64 << 20


def foreign(system):
    """Refuse a bundle that is for another system, or other processors."""
    lines = (read("/etc/os-release") or "").splitlines()
    facts = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    here = f"{facts.get('ID', 'unknown')} {facts.get('VERSION_ID', '')}".strip()
    meant = f"{system['id']} {system['version']}"
    if here != meant:
        yield reason("bundle", meant, f"the host is {here}", "take a bundle that was made for it")
    processor = command("dpkg", "--print-architecture")[1].strip()
    if processor != system["architecture"]:
        yield reason("bundle", system["architecture"], f"the host is {processor}", "take a bundle that was made for it")


def look_at_packages(asked):
    """Give what of packages differs, paths in the bundle that this needs, and reasons to refuse it."""
    halfway = broken()
    if not halfway and not asked["newer"] and not missing(asked["packages"]):
        return [], [], []
    with tempfile.TemporaryDirectory(prefix="tenantry-", dir="/run") as folder:
        apt, (code, said) = repository(folder, asked["index"])
        if not code:
            code, said = command(*apt, "--simulate", *wanted_of(asked))
    if code:
        why = " ".join(said.split("dependencies:")[-1].split())[-400:]
        what = f"the bundle's packages don't fit what is installed: {why}"
        return [], [], [reason("packages", len(asked["packages"]), what.rstrip("."), "make a newer bundle")]
    unpacked, configured, removed = planned(said)
    changes = list(describe(unpacked, configured, removed)) or (["dpkg was interrupted"] if halfway else [])
    listed = {(one["Package"], one["Version"]): one for one in stanzas(asked["index"])}
    needed = [listed[name, new] for name, (_, new) in unpacked.items()]
    refused = [
        reason("package", name, "the bundle's packages would remove it", "remove it, or add it to packages_replaced")
        for name in removed
        if name not in asked["replaced"]
    ]
    return changes, [f"debian/{one['Filename']}" for one in needed], refused + list(room(needed))


def wanted_of(asked):
    """Give what apt is to do: bring what lacks; with `newer` all of the bundle that is installed in an older version.

    Either way nothing is taken back to an older version: that it would have to be allowed.
    """
    return ["dist-upgrade" if asked["newer"] else "install", *asked["packages"]]


def room(needed):
    """Refuse where there is too little room for packages, as they are and unpacked."""
    packed = sum(int(one["Size"]) for one in needed)
    spread = sum(int(one.get("Installed-Size", 0)) << 10 for one in needed)
    for path, least in (("/var", packed), ("/", packed + spread)):
        seen = os.statvfs(path)
        free = seen.f_bavail * seen.f_frsize
        if needed and free < least + SPARE:
            what = f"{(least + SPARE) >> 20} MiB must be free for its packages"
            yield reason(path, f"{free >> 20} MiB", what, "free some, or take a larger disk")


def digest(path):
    """Give a file's SHA-256; nothing where there is none."""
    try:
        with open(path, "rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def find_changes(asked):
    """Say what differs, what of the bundle is needed for it, and why it can't be."""
    refused = list(foreign(asked["system"]))
    if refused:
        return [], [], refused
    changes, needed, refused = look_at_packages(asked)
    outdated, indexes = look_at_updates(asked["updates"])
    return changes + outdated, needed + indexes, refused


def look_at_updates(updates):
    """Give what differs of what tells which security updates wait, and paths in the bundle that this needs.

    A host that was told by a newer bundle stays with that.
    """
    paths = [one["path"] for one in updates]
    date = max((one["date"] for one in updates), default="")
    there = dated(f"{HELD}/lists") or ""
    if there > date or all(digest(f"{HELD}/{within(one['path'])}") == one["sha256"] for one in updates):
        return [], []
    index = "index of security updates"
    return [f"{index}: {there} to {date}" if there else f"{index} {date} is missing"], paths


def within(path):
    """Give where a file of the bundle's folder `updates` lies in the host's."""
    return path.partition("/")[2]


def unpack(asked, needed):
    """Lay what was copied where it is installed from, held to its digests; say what isn't right."""
    digests = {f"debian/{one['Filename']}": one["SHA256"] for one in stanzas(asked["index"])}
    digests |= {one["path"]: one["sha256"] for one in asked["updates"]}
    with tarfile.open(asked["archive"]) as archive:
        for path in needed:
            target = f"{SCRATCH}/files/{path}"
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with archive.extractfile(path) as source, open(target, "wb") as out:
                shutil.copyfileobj(source, out)
            if digest(target) != digests[path]:
                return f"{path} isn't what the bundle's manifest says"
    return ""


def configuration():
    """Name every file below /etc."""
    return {os.path.join(folder, name) for folder, _, names in os.walk("/etc") for name in names}


@contextlib.contextmanager
def holding(services):
    """Keep services whose packages come now from running as Debian has them, until their roles have settled them."""
    coming = [f"{name}.service" for name in services if unit_state(name) == "not-found"]
    if coming:
        # For this boot alone, so that nothing stays behind of a run that is killed.
        command("systemctl", "--runtime", "--quiet", "mask", *coming)
    try:
        yield
    finally:
        if coming:
            command("systemctl", "--runtime", "--quiet", "unmask", *coming)
            command("systemctl", "--quiet", "disable", *coming)


def unit_state(name):
    """Say whether systemd knows a service."""
    return command("systemctl", "show", "--property=LoadState", "--value", f"{name}.service")[1].strip()


def release(services):
    """Let go what a run held that was killed."""
    held = [f"{name}.service" for name in services if os.path.islink(f"/run/systemd/system/{name}.service")]
    if held:
        command("systemctl", "--runtime", "--quiet", "unmask", *held)


def install(asked, needed):
    """Finish what dpkg was killed in, and install what lacks; say what failed."""
    if failed := unpack(asked, needed) if needed else "":
        return failed
    with holding(asked["held"]):
        failed = install_packages(asked)
    if not failed and os.path.isdir(f"{SCRATCH}/files/updates"):
        # Last: it is to tell of a host that has what came with it.
        replace_updates()
    return failed


def replace_updates():
    """Put what came of security updates in the place of what was there."""
    new = f"{HELD}.new"
    for old in (new, HELD):
        shutil.rmtree(old, ignore_errors=True)
    os.makedirs(os.path.dirname(HELD), exist_ok=True)
    shutil.move(f"{SCRATCH}/files/updates", new)
    os.rename(new, HELD)


def install_packages(asked):
    """Finish what dpkg was killed in, and install what lacks; say what failed."""
    if broken():
        # What it can't finish, for something of it isn't there, apt does next.
        command("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", *KEEP_FILES, "--configure", "-a")
    if broken() or asked["newer"] or missing(asked["packages"]):
        apt, (code, said) = repository(f"{SCRATCH}/apt", asked["index"])
        if os.path.isdir(f"{SCRATCH}/files/debian/pool"):
            os.rename(f"{SCRATCH}/files/debian/pool", f"{SCRATCH}/apt/repository/pool")
        if not code:
            code, said = command(*apt, *wanted_of(asked))
        if code:
            return " ".join(said.split())[-600:]
    return ""


def change(module, changes, needed):
    """Install, and look again; name the files that came with packages."""
    before = configuration()
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH, mode=0o700)
    try:
        failed = install(module.params, needed)
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    if failed:
        module.fail_json(msg=f"packages of the bundle can't be installed: {failed}")
    left = find_changes(module.params)[0]
    if left:
        module.fail_json(msg=f"installed, and still so: {'; '.join(left)}", changes=changes)
    return sorted(configuration() - before)


def main():
    """Compare, then install."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "system": {"type": "dict", "required": True},
            "index": {"type": "str", "required": True},
            "replaced": {"type": "list", "elements": "str", "default": []},
            "held": {"type": "list", "elements": "str", "default": []},
            "updates": {"type": "list", "elements": "dict", "required": True},
            "newer": {"type": "bool", "default": False},
            "look": {"type": "bool", "default": False},
            "archive": {"type": "path"},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    if not module.check_mode:
        release(module.params["held"])
    changes, needed, refused = find_changes(module.params)
    if refused:
        module.fail_json(msg="the host is refused: " + "; ".join(one["what"] for one in refused), refused=refused)
    if module.params["look"]:
        module.exit_json(changed=False, differs=bool(changes), needed=needed, waiting=changes)
    fresh = change(module, changes, needed) if changes and not module.check_mode else []
    module.exit_json(changed=bool(changes), changes=changes, needed=needed, fresh=fresh)


if __name__ == "__main__":
    main()
