#!/usr/bin/python
"""Collects the facts of a host, as stacks/schema/hostfacts.json describes them. Reads only."""

DOCUMENTATION = r"""
module: host_facts
short_description: Collect what the policies of hosts ask for
description:
  - Gives one document of kind HostFacts, in C(hostFacts). What can't be observed says why, and passes no policy.
options:
  name: {type: str, required: true, description: The host's name.}
  roles: {type: list, elements: str, required: true, description: What the host is for.}
  disks: {type: dict, required: true, description: "The disks' ids, with the purpose of each."}
  modules: {type: list, elements: str, required: true, description: Kernel modules to look for.}
  collector: {type: str, required: true, description: Who collects, with its version.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Collect
  host_facts: {name: worker-07, roles: [worker], disks: {}, modules: [usb_storage], collector: tenantry-facts 0.1.0}
"""
RETURN = r"""
hostFacts: {description: The document., type: dict, returned: always}
"""

import os
import time
from contextlib import suppress

from ansible.module_utils import host_cluster as cluster
from ansible.module_utils import host_kubelet as kubelet
from ansible.module_utils import host_observing as seen
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import read
from ansible.module_utils.host_updates import packages

LONGEST_WHY = 300


def observers(asked):
    """Give every observation's source, and what looks."""
    return {
        "sysctl": ("sysctl -a", seen.sysctl),
        "modules": ("lsmod, modules.builtin, modprobe --dry-run", lambda: seen.modules(asked["modules"])),
        "sshd": ("sshd -T", seen.sshd),
        "firewall": ("nft --json list ruleset", seen.firewall),
        "listening": ("ss --listening --numeric --processes", seen.listening),
        "audit": ("auditctl -s, auditctl -l", seen.audit),
        "time": ("chronyc tracking, chronyc sources", seen.clock),
        "mounts": ("findmnt --json, lsblk --json", seen.mounts),
        "disks": ("lsblk --json, cryptsetup luksDump", lambda: seen.disks(asked["disks"])),
        "swap": ("/proc/swaps", seen.swap),
        "accounts": ("/etc/passwd, /etc/shadow", seen.accounts),
        "packages": ("apt list --upgradable, /var/log/apt/history.log, /var/lib/dpkg/info", packages),
        "kubelet": ("/configz", kubelet.configuration),
        "files": ("stat", files),
        "controlPlane": ("/proc/<pid>/cmdline", cluster.control_plane),
        "secretsEncryption": ("the EncryptionConfiguration", cluster.secrets_encryption),
        "etcd": ("/proc/<pid>/cmdline", cluster.etcd),
    }


def files():
    """Give the files of what runs: of a kubelet, and of etcd and the control plane."""
    found = []
    for look in (kubelet.files, cluster.files):
        with suppress(seen.AbsentError):
            found += look()
    if not found:
        raise seen.AbsentError("nothing of Kubernetes runs on the host")
    return found


def observe(source, look):
    """Look at one thing; whatever fails is told, and stays unobserved."""
    try:
        found = {"state": "observed", "value": look()}
    except seen.AbsentError as error:
        found = {"state": "absent", "why": str(error)}
    except seen.UnansweredError as error:
        found = {"state": "unreachable", "why": str(error)}
    except Exception as error:
        found = {"state": "skipped", "why": f"{type(error).__name__}: {error}"}
    if "why" in found:
        found["why"] = " ".join(found["why"].split())[:LONGEST_WHY]
    return {**found, "source": source, "time": seen.utc(time.time())}


def release():
    """Give what the host runs."""
    lines = (read("/etc/os-release") or "").splitlines()
    facts = {name: value.strip('"') for name, _, value in (line.partition("=") for line in lines)}
    return {
        "id": facts.get("ID", "unknown"),
        "version": facts.get("VERSION_ID", "unknown"),
        "kernel": os.uname().release,
    }


def main():
    """Look at everything, once."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "roles": {"type": "list", "elements": "str", "required": True},
            "disks": {"type": "dict", "required": True},
            "modules": {"type": "list", "elements": "str", "required": True},
            "collector": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    asked = module.params
    observations = {name: observe(source, look) for name, (source, look) in observers(asked).items()}
    spec = {
        "hostId": (read("/etc/machine-id") or "").strip(),
        "os": release(),
        "roles": asked["roles"],
        "collected": seen.utc(time.time()),
        "collector": asked["collector"],
        "observations": observations,
    }
    document = {"apiVersion": "tenantry.dev/v1", "kind": "HostFacts", "metadata": {"name": asked["name"]}, "spec": spec}
    module.exit_json(changed=False, hostFacts=document)


if __name__ == "__main__":
    main()
