"""Which versions of its programs a host has: those that its units name, and those that run. Reads only."""

import os
import re

from ansible.module_utils.host_files import command, read
from ansible.module_utils.host_services import main_process

UNIT = "/etc/systemd/system/{name}.service"
START = re.compile(r"^ExecStart=(\S+)", re.MULTILINE)
# Each version of a program of ours lies in a folder that says it.
OURS = re.compile(r"^/usr/local/lib/tenantry/[a-z-]+-(\d\S*)-[0-9a-f]{12}/[a-z-]+$")
SAID = re.compile(r"\bv?(\d+\.\d+\.\d+\S*)")


def installed(name):
    """Give the version of the program that a service's unit starts; nothing where there is no unit."""
    start = START.search(read(UNIT.format(name=name)) or "")
    return version_of(start[1], start[1]) if start else ""


def running(name):
    """Give the version of a service's program that runs; nothing where it doesn't."""
    pid = main_process(name)
    try:
        path = os.readlink(f"/proc/{pid}/exe") if pid else ""
    except FileNotFoundError:
        return ""
    # What runs may have been replaced since, and is still there to be asked.
    return version_of(path.removesuffix(" (deleted)"), f"/proc/{pid}/exe") if path else ""


def version_of(path, program):
    """Give a program's version: by its path, else as it says itself."""
    ours = OURS.match(path)
    if ours:
        return ours[1]
    said = SAID.search(command(program, "--version")[1])
    return said[1] if said else ""


def minor(version):
    """Give a version without its patch."""
    return version.split(".")[:2]
