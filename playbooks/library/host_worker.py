#!/usr/bin/python
"""Looks whether a kubelet can run on a host, and fits its API server. Changes nothing."""

DOCUMENTATION = r"""
module: host_worker
short_description: Refuse a host on which a kubelet wouldn't run, or not with its API server
description:
  - Fails with all reasons at once, each with the key, the value and how to mend it, in C(refused).
  - Before anything is made on a site there is neither an API server nor a certificate; with C(whole) there has to be.
options:
  asked:
    type: dict
    required: true
    description:
      - version is the kubelet's, node the node's name, server the API server as https://address:port.
      - authority, certificate and key are the files that the node proves itself with; files must be there, too.
      - older says by how many minor versions the kubelet may be older than the API server.
      - programs has the SHA-256 of what would be brought, by name; hashes those that are pinned.
  whole: {type: bool, default: false, description: "Whether certificates are there by now, and the API server answers."}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_worker:
    asked:
      version: 1.37.2
      node: worker-07
      server: https://10.20.0.10:6443
      authority: /etc/tenantry/pki/kubernetes-ca.crt
      certificate: /etc/tenantry/pki/kubelet.crt
      key: /etc/tenantry/pki/kubelet.key
      older: 3
      files: []
      programs: {kubelet: 5d3c0f1f6f5d}
      hashes: {}
"""
RETURN = r"""
refused: {description: "key, value, what and fix of each reason.", type: list, returned: on failure}
"""

import json
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, read, reason
from ansible.module_utils.host_skew import skew
from ansible.module_utils.host_tls import ask, trust

CGROUPS = "/sys/fs/cgroup/cgroup.controllers"
NEEDED = ("cpu", "memory", "pids")
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
DRIVER = re.compile(r"""^\s*["']?cgroupDriver["']?\s*:\s*["']?(\w+)""", re.MULTILINE)
SECONDS = 15


def swap():
    """Refuse memory that is written to disks: a Secret may be in it, and limits of pods mean nothing."""
    off = "swapoff -a, and take it out of /etc/fstab"
    used = [line.split()[0] for line in (read("/proc/swaps") or "").splitlines()[1:]]
    for name in used:
        yield reason("swap", name, "swap is on, and no kubelet starts", off)
    for line in (read("/etc/fstab") or "").splitlines():
        words = line.split()
        if len(words) > 2 and not words[0].startswith("#") and words[2] == "swap" and words[0] not in used:
            yield reason("swap", words[0], "swap comes back with the next boot", off)


def cgroups():
    """Refuse what isn't cgroup v2 of systemd's, and a kubelet that was set up with another driver."""
    here = read(CGROUPS)
    if here is None:
        fix = "boot with systemd.unified_cgroup_hierarchy=1"
        yield reason("cgroup", "v1", "the kubelet needs cgroup v2", fix)
    else:
        for name in NEEDED:
            if name not in here.split():
                yield reason(
                    "cgroup", name, "the kernel gives no such controller", f"boot without cgroup_disable={name}"
                )
    first = (read("/proc/1/comm") or "").strip()
    if first != "systemd":
        yield reason("cgroup", first, "the first process isn't systemd, which keeps the cgroups", "boot with systemd")
    set_up = DRIVER.search(read(KUBELET_CONFIG) or "")
    if set_up and set_up[1] != "systemd":
        what = "a kubelet was set up with this cgroup driver, and its pods would be lost under systemd's"
        fix = f"drain the node, stop kubelet and containerd, remove {KUBELET_CONFIG}, then prepare it again"
        yield reason("cgroupDriver", set_up[1], what, fix)


def files(asked):
    """Refuse where what the kubelet proves itself with isn't there, is out of date, or is another node's."""
    for path in dict.fromkeys([asked["authority"], asked["certificate"], asked["key"], *asked["files"]]):
        if not os.path.exists(path):
            yield reason("file", path, "it isn't there", "run the role pki first, or name the right file")
    if not os.path.exists(asked["certificate"]):
        return
    ends, said = command("openssl", "x509", "-noout", "-subject", "-checkend", "0", "-in", asked["certificate"])
    if ends:
        yield reason("certificate", asked["certificate"], "it is no longer valid", "run the role pki")
        return
    subject = said.splitlines()[0].partition("=")[2].strip()
    if f"CN = system:node:{asked['node']}" not in subject.split(", "):
        what = f"it isn't the node's, but of {subject}"
        yield reason("certificate", asked["certificate"], what, f"take one of system:node:{asked['node']}")


def programs(asked):
    """Refuse what isn't what was pinned."""
    for name, pinned in asked["hashes"].items():
        found = asked["programs"][name]
        if found != pinned:
            what = f"its SHA-256 isn't {pinned}, but {found}"
            yield reason(name, asked["version"], what, "take the program that was meant, or correct worker_hashes")


def server_version(asked):
    """Ask the API server for its version; give it, and why there is none."""
    try:
        known = os.path.exists(asked["certificate"])
        context = trust(asked["authority"], *((asked["certificate"], asked["key"]) if known else ()))
        with ask(f"{asked['server']}/version", context, SECONDS) as answer:
            return json.load(answer)["gitVersion"], ""
    except (OSError, ValueError, KeyError) as error:
        return None, f"{error}"


def versions(asked, whole):
    """Refuse a kubelet that is too old or too new for the API server."""
    server, why = server_version(asked)
    if server is None:
        if whole:
            yield reason("server", asked["server"], f"the API server doesn't answer: {why}", "see that it runs")
        return
    said = skew(asked["version"], server, int(asked["older"]))
    if said:
        yield reason("kubelet", asked["version"], said, f"take one of {server}, or upgrade the API server first")


def main():
    """Gather all reasons."""
    module = AnsibleModule(
        argument_spec={
            "asked": {"type": "dict", "required": True},
            "whole": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    asked, whole = module.params["asked"], module.params["whole"]
    refused = [*programs(asked), *swap(), *cgroups(), *(files(asked) if whole else ()), *versions(asked, whole)]
    if refused:
        module.fail_json(msg="the host is refused: " + "; ".join(one["what"] for one in refused), refused=refused)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
