"""Which security updates wait on a host, by the newest index that it has: of apt itself, or of a bundle."""

import glob
import gzip
import os
import re
import time
from email.utils import parsedate_to_datetime

from ansible.module_utils.host_files import read
from ansible.module_utils.host_observing import UnansweredError, said, utc

# What a bundle brought: `sources.list`, and the archive's files in `lists`, named as apt names what it fetched.
HELD = "/var/lib/tenantry/updates"
OWN = "/var/lib/apt/lists"


def dated(lists):
    """Give when the archive signed the newest index of security updates in a folder; nothing where it has none."""
    texts = [read(file) or "" for file in glob.glob(f"{lists}/*Release")]
    dates = [
        re.search(r"^Date: (.+)$", text, re.MULTILINE)
        for text in texts
        if re.search(r"^Suite: \S+-security$", text, re.MULTILINE)
    ]
    return max((utc(parsedate_to_datetime(date[1]).timestamp()) for date in dates if date), default=None)


def packages():
    """Give how many security updates wait, by an index of when, and when the last were installed."""
    own, held = dated(OWN), dated(f"{HELD}/lists")
    if own is None and held is None:
        raise UnansweredError(
            "the host has no index of security updates, so nothing tells which wait "
            "(apt-get update, or prepare it with a bundle)"
        )
    listed = said("apt", *(bundled() if (held or "") > (own or "") else ()), "list", "--upgradable")
    waiting = [line for line in listed.splitlines() if "-security" in line.partition(" ")[0].partition("/")[2]]
    found = {"securityUpdates": len(waiting), "indexed": max(filter(None, (own, held))), "lastPatched": last_patched()}
    pending = "/run/reboot-required"
    return {**found, **({"rebootPendingSince": utc(os.stat(pending).st_mtime)} if os.path.exists(pending) else {})}


def bundled():
    """Give the words that have apt read what a bundle brought, and keep nothing of it."""
    settings = {
        "Dir::State::lists": f"{HELD}/lists",
        "Dir::Etc::sourcelist": f"{HELD}/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def last_patched():
    """Give when apt last ended its work, or, where it keeps no history, when dpkg last unpacked a package."""
    for file in ["/var/log/apt/history.log", *sorted(glob.glob("/var/log/apt/history.log.*.gz"))]:
        text = unpacked(file) if file.endswith(".gz") else read(file) or ""
        ends = re.findall(r"^End-Date: (\d{4}-\d\d-\d\d)  (\d\d:\d\d:\d\d)$", text, re.MULTILINE)
        if ends:
            return utc(time.mktime(time.strptime(" ".join(ends[-1]), "%Y-%m-%d %H:%M:%S")))
    return utc(max(os.stat(file).st_mtime for file in glob.glob("/var/lib/dpkg/info/*.list")))


def unpacked(file):
    """Give the text of a file that was rotated."""
    with gzip.open(file, "rt") as source:
        return source.read()
