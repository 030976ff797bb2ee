"""Services of a host, each with what it was started with: a change is seen in the running process, not in a record."""

import grp
import hashlib
import os
import pwd

from ansible.module_utils.host_files import command, difference, owner_of, put, read, write

STARTED = "TENANTRY_STARTED_WITH"


class CommandError(Exception):
    """A command failed."""


def must(*words):
    """Run a command that has to succeed, and give what it printed."""
    code, said = command(*words)
    if code:
        raise CommandError(f"{' '.join(words)}: {said.strip() or code}")
    return said


def digest(files, coming):
    """Give a digest of the texts that a service is started with: `coming` has those that differ, by path."""
    whole = hashlib.sha256()
    for path in files:
        text = coming.get(path)
        whole.update(f"{path}\0{read(path) if text is None else text}\0".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()[:16]


def main_process(name):
    """Give the id of a service's process; 0 where it doesn't run."""
    said = command("systemctl", "show", "--property=MainPID", "--value", name)[1].strip()
    return int(said) if said.isdigit() else 0


def started_with(pid):
    """Give the digest that a process was started with."""
    pairs = (read(f"/proc/{pid}/environ") or "").split("\0")
    return next((one.partition("=")[2] for one in pairs if one.startswith(f"{STARTED}=")), "")


def service_changes(name, files, coming, certain=()):
    """Say how a service isn't as wanted: not enabled, not running, or running with other files than those.

    `certain` are paths that will have changed by the time it matters, though what they become isn't known yet.
    """
    if command("systemctl", "is-enabled", name)[1].strip() != "enabled":
        yield f"service {name} isn't enabled"
    pid = main_process(name)
    if not pid:
        yield f"service {name} doesn't run"
    elif set(certain) & set(files) or started_with(pid) != digest(files, coming):
        yield f"service {name} was started with other files"


def write_started(name, files):
    """Have the next start of a service carry the digest of its files."""
    put(f"/etc/tenantry/{name}.started", f"{STARTED}={digest(files, {})}\n")


def file_changes(files):
    """Give each file that isn't as wanted, with what says so."""
    return [(said, one) for one in files if (said := difference(one))]


def write_files(changes):
    """Put files in place; accounts are made of theirs, and systemd reads its units anew."""
    for _, one in changes:
        write(one)
    paths = [one["path"] for _, one in changes]
    if any(path.startswith("/etc/sysusers.d/") for path in paths):
        must("systemd-sysusers")
    if any(path.startswith("/etc/systemd/system/") for path in paths):
        must("systemctl", "daemon-reload")


def account_changes(names):
    """Say which accounts aren't there; each comes of its file of sysusers."""
    known = {one.pw_name for one in pwd.getpwall()}
    return [f"account {name} is missing" for name in names if name not in known]


def folder_change(path, account, mode=0o700):
    """Say how a folder isn't as wanted; nothing where it is."""
    rights = f"{mode:04o} {account}:{account}"
    if not os.path.isdir(path):
        return f"folder {path} is missing"
    has, owner, group = owner_of(path)
    return "" if f"{has} {owner}:{group}" == rights else f"folder {path} has other rights than {rights}"


def make_folder(path, account, mode=0o700):
    """Make a folder of an account, readable for it alone."""
    os.makedirs(path, mode=mode, exist_ok=True)
    os.chown(path, pwd.getpwnam(account).pw_uid, grp.getgrnam(account).gr_gid)
    os.chmod(path, mode)
