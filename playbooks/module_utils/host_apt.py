"""apt and dpkg on a host: what is there, what lacks, and what apt would do with one source of packages alone."""

import os
import re

from ansible.module_utils.host_files import command

KEEP_FILES = ("--force-confdef", "--force-confold")
UPDATES = "/var/lib/dpkg/updates"
INST = re.compile(r"^Inst (\S+?)(?::\S+)?(?: \[(\S+)\])? \((\S+) ")
CONF = re.compile(r"^Conf (\S+?)(?::\S+)? ")
REMV = re.compile(r"^(?:Remv|Purg) (\S+?)(?::\S+)? ")
# Half installed, unpacked, half configured, or waiting for a trigger.
HALF = "HUFWt"


def stanzas(index):
    """Give each package of an index: its fields by name."""
    for text in filter(None, re.split(r"\n\s*\n", index.strip())):
        lines = (line.partition(":") for line in text.splitlines() if line[:1] not in " \t#")
        yield {name: value.strip() for name, _, value in lines}


def broken():
    """Say whether dpkg was killed in the middle of something."""
    said = command("dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\\n")[1]
    half = any(line[1:2] in HALF or line[2:3] == "R" for line in said.splitlines() if line[:1] == "i")
    return half or any(name.isdigit() for name in os.listdir(UPDATES))


def missing(packages):
    """Say whether a package isn't installed."""
    said = command("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\\n", *packages)[1]
    there = {line.split()[1] for line in said.splitlines() if line.startswith("installed ")}
    return not there.issuperset(packages)


def repository(folder, index):
    """Make a folder a source of packages, and the only one; give how apt is called with it."""
    for name in ("lists/partial", "cache/archives/partial", "sources", "repository"):
        os.makedirs(f"{folder}/{name}", mode=0o700)
    with open(f"{folder}/repository/Packages", "w", encoding="utf-8") as out:
        out.write(index)
    # Trusted as far as it goes: its digest is in a manifest whose signature was verified before it came here.
    with open(f"{folder}/sources/bundle.list", "w", encoding="ascii") as out:
        out.write(f"deb [trusted=yes] file:{folder}/repository ./\n")
    settings = {
        "Dir::State::lists": f"{folder}/lists",
        "Dir::Cache": f"{folder}/cache",
        "Dir::Etc::sourcelist": "/dev/null",
        "Dir::Etc::sourceparts": f"{folder}/sources",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
        "DPkg::Lock::Timeout": "120",
    }
    flags = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    flags += [word for option in KEEP_FILES for word in ("-o", f"Dpkg::Options::={option}")]
    apt = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--yes", *flags)
    return apt, command(*apt, "update")


def planned(said):
    """Give what apt is going to do: packages that it unpacks (old and new version), configures and removes."""
    unpacked = {one[1]: (one[2], one[3]) for one in map(INST.match, said.splitlines()) if one}
    configured = [one[1] for one in map(CONF.match, said.splitlines()) if one and one[1] not in unpacked]
    return unpacked, configured, [one[1] for one in map(REMV.match, said.splitlines()) if one]


def describe(unpacked, configured, removed):
    """Say what differs, in the order in which apt changes it."""
    for name in removed:
        yield f"package {name} is in the way"
    for name, (old, new) in unpacked.items():
        if old is None:
            yield f"package {name} {new} is missing"
        else:
            yield f"package {name} is half installed" if old == new else f"package {name}: {old} to {new}"
    for name in configured:
        yield f"package {name} isn't configured"
