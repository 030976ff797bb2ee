#!/usr/bin/python
"""Brings a member of etcd to what is wanted: never without a snapshot, nor where others would lose their majority."""

DOCUMENTATION = r"""
module: host_etcd
short_description: Settle a member of etcd
description:
  - Compares everything first. An existing member is changed only after a snapshot was taken, and while the others keep
    their majority without it; then it waits until the member is healthy.
  - C(judged) refuses what the role can't prepare and changes nothing; C(formed) waits until the member is healthy.
  - Check mode compares by the same code, and stops there.
options:
  state: {type: str, choices: [judged, settled, formed], required: true, description: What is done.}
  name: {type: str, required: true, description: The member.}
  members: {type: list, elements: dict, required: true, description: "name and address of all members."}
  cluster: {type: str, required: true, description: "What all members of it say that they are of."}
  known: {type: dict, default: {}, description: "What each host's folder has: none, forming or formed."}
  folder: {type: str, required: true, description: Where the member's data is.}
  pki: {type: str, required: true, description: Where its certificates are.}
  files: {type: list, elements: dict, default: [], description: "path and content of each file of the service."}
  started_with: {type: list, elements: str, default: [], description: The files that it is restarted for.}
  coming: {type: list, elements: str, default: [], description: Files that will have changed when it is restarted.}
  snapshots: {type: dict, default: {}, description: "folder and kept: where snapshots are, and how many."}
  wait: {type: int, default: 120, description: For how many seconds a member is waited for.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_etcd:
    state: judged
    name: host-1
    members: [{name: host-1, address: 10.20.0.17}]
    cluster: onprem
    folder: /var/lib/etcd
    pki: /etc/tenantry/pki
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
data: {description: "What the folder has: none, forming or formed.", type: str, returned: always}
"""

import json
import os
import shutil
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import put, read, reason
from ansible.module_utils.host_members import PEER_PORT, MemberError, Members, may_stop, snapshot_name, url
from ansible.module_utils.host_services import (
    CommandError,
    account_changes,
    file_changes,
    folder_change,
    main_process,
    make_folder,
    must,
    service_changes,
    write_files,
    write_started,
)
from ansible.module_utils.host_turn import take_turn

SERVICE = "etcd"
ACCOUNT = "etcd"
START = "/etc/tenantry/etcd.start"
NONE, FORMING, FORMED = "none", "forming", "formed"


class Member:
    """This host's member, and what the others say."""

    def __init__(self, asked):
        """Look at everything once."""
        self.asked, self.name = asked, asked["name"]
        self.addresses = {one["name"]: one["address"] for one in asked["members"]}
        self.talk = Members(asked["pki"])
        self.mark = mark_of(asked["folder"])
        self.data = self.mark.get("state", FORMING) if has_data(asked["folder"]) else NONE
        self.look()

    def look(self):
        """Ask all members."""
        self.healthy = [name for name, address in self.addresses.items() if self.talk.is_healthy(address)]
        self.runs = bool(main_process(SERVICE))

    @property
    def others(self):
        """Give the other members that are healthy."""
        return [name for name in self.healthy if name != self.name]

    def changes(self):
        """Say all that differs, and which files are to be written."""
        asked = self.asked
        files = file_changes(asked["files"])
        said = [text for text, _ in files] + account_changes([ACCOUNT])
        said += [text for path in folders(asked) if (text := folder_change(path, ACCOUNT))]
        coming = {one["path"]: one["content"] for _, one in files}
        return said + list(service_changes(SERVICE, asked["started_with"], coming, asked["coming"])), files


def has_data(folder):
    """Say whether a member has ever been started in a folder."""
    return os.path.isdir(f"{folder}/data") and bool(os.listdir(f"{folder}/data"))


def mark_of(folder):
    """Give whose a folder is: the cluster and the member that was started in it."""
    try:
        return json.loads(read(f"{folder}/member.json") or "{}")
    except ValueError:
        return {}


def mark(asked, state):
    """Say whose a folder is, beside the data."""
    text = json.dumps({"cluster": asked["cluster"], "name": asked["name"], "state": state}) + "\n"
    if read(f"{asked['folder']}/member.json") != text:
        put(f"{asked['folder']}/member.json", text, 0o600)


def folders(asked):
    """Give the folders of the member: what it says of itself isn't among its data."""
    return [asked["folder"], f"{asked['folder']}/data"]


def refusals(member, stops):
    """Refuse what would lose data or a majority."""
    asked = member.asked
    mine = {"cluster": asked["cluster"], "name": member.name}
    if member.data != NONE and {key: member.mark.get(key) for key in mine} != mine:
        whose = f"{member.mark['cluster']}'s {member.mark['name']}" if "name" in member.mark else "nobody known"
        what = f"the data in it is that of {whose}, not of {asked['cluster']}'s {member.name}"
        yield reason("folder", asked["folder"], what, "move it away, if nobody needs it; a new member starts empty")
    # Who has no certificate yet can't ask the others: in check mode that is left to the run that makes it.
    if f"{asked['pki']}/{SERVICE}.crt" in asked["coming"]:
        return
    if member.runs and member.name in member.healthy and member.others:
        clusters = {name: member.talk.cluster(member.addresses[name]) for name in (member.name, member.others[0])}
        if len(set(clusters.values())) > 1:
            what = f"{member.name} and {member.others[0]} are members of two clusters"
            yield reason("cluster", clusters[member.name], what, "move the data of the one away that is wrong")
    if stops and member.runs and (lost := may_stop(member.addresses, member.healthy, member.name)):
        what = f"to restart {member.name} would lose the majority: {lost}"
        yield reason(
            "quorum", ", ".join(member.healthy) or "no member is healthy", what, "mend the other members first"
        )
    if member.data == NONE and not member.others and (lost := not_new(asked["known"], member.addresses)):
        yield reason("cluster", asked["cluster"], lost, "start the members that have its data; then run this again")


def not_new(known, members):
    """Say why an empty member can't start a cluster; nothing where no host has one's data."""
    if not known:
        return ""
    formed = [name for name in members if known.get(name) == FORMED]
    if formed:
        return f"{', '.join(formed)} has the data of the cluster, and no other member is healthy"
    unknown = [name for name in members if name not in known]
    return f"it isn't known whether {', '.join(unknown)} has its data" if unknown else ""


def save(member):
    """Take a snapshot before an existing member is changed, of itself or of another one; give where it is."""
    asked = member.asked
    folder = asked["snapshots"]["folder"]
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = f"{folder}/{snapshot_name()}"
    failed = []
    for name in sorted(member.healthy, key=lambda one: one != member.name):
        try:
            member.talk.save(member.addresses[name], path)
            return path
        except MemberError as error:
            failed.append(str(error))
    if member.runs or member.others:
        why = "; ".join(failed) or "no member is healthy"
        raise MemberError(
            f"no fresh snapshot, so nothing was changed: {why}; where etcd is stopped, its disk is copied"
        )
    # Nothing of the cluster runs: what lies on the disk is what there is.
    shutil.copytree(f"{asked['folder']}/data", f"{path}.cold")
    return f"{path}.cold"


def forget_old(folder, kept):
    """Remove the oldest snapshots."""
    for name in sorted(os.listdir(folder))[:-kept]:
        path = f"{folder}/{name}"
        shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def settle(member, files):
    """Change what differs, as one who may stop the member."""
    asked = member.asked
    # What forms has nothing yet that could be lost.
    if member.data == FORMED or (member.data == FORMING and member.healthy):
        save(member)
        forget_old(asked["snapshots"]["folder"], asked["snapshots"]["kept"])
    write_files(files)
    for path in folders(asked):
        make_folder(path, ACCOUNT)
    if member.data == NONE or read(START) is None:
        put(START, join(member) if member.others and member.data == NONE else first(member))
    if member.data == NONE:
        mark(asked, FORMING)
    write_started(SERVICE, asked["started_with"])
    must("systemctl", "--quiet", "enable", SERVICE)
    # A member of a cluster that forms isn't ready before the others are.
    must("systemctl", "restart", *([] if member.others or len(member.addresses) == 1 else ["--no-block"]), SERVICE)


def first(member):
    """Give what a member of a new cluster is started with; etcd reads it where it has no data yet."""
    return start(member.addresses, "new")


def join(member):
    """Have the others know an empty member, anew where it lost its data, and give what it is started with."""
    via, peer = member.addresses[member.others[0]], url(member.addresses[member.name], PEER_PORT)
    listed = member.talk.call(via, "cluster/member/list")["members"]
    mine = next((one for one in listed if peer in one["peerURLs"]), None)
    if mine and mine.get("name") and not mine.get("clientURLs"):
        # The cluster was made with it, and it was never started.
        return first(member)
    if mine and mine.get("name"):
        member.talk.call(via, "cluster/member/remove", ID=mine["ID"])
        mine = None
    if not mine:
        member.talk.call(via, "cluster/member/add", peerURLs=[peer])
    names = {one.get("name") for one in listed} | {member.name}
    return start({name: one for name, one in member.addresses.items() if name in names}, "existing")


def start(members, state):
    """Write what etcd reads of its environment where it has no data yet."""
    cluster = ",".join(f"{name}={url(address, PEER_PORT)}" for name, address in members.items())
    return f"ETCD_INITIAL_CLUSTER={cluster}\nETCD_INITIAL_CLUSTER_STATE={state}\n"


def wait(member, seconds):
    """Wait until a member is healthy; say whether it came to that."""
    deadline = time.monotonic() + seconds
    while not member.talk.is_healthy(member.addresses[member.name]):
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def refuse(module, member, *, stops):
    """End with all reasons to refuse the host, where there are any."""
    if refused := list(refusals(member, stops)):
        what = "; ".join(one["what"] for one in refused)
        module.fail_json(msg=f"the host is refused: {what}", refused=refused)


def settled(module, member):
    """Compare, refuse, change."""
    changes, files = member.changes()
    refuse(module, member, stops=bool(changes))
    if changes and not module.check_mode:
        alone = not member.others and member.data != FORMED
        settle(member, files)
        if not (alone and len(member.addresses) > 1) and not wait(member, module.params["wait"]):
            module.fail_json(msg=f"{member.name} isn't healthy after its start: journalctl -u etcd", changes=changes)
        left = [] if alone else member.changes()[0]
        if left:
            module.fail_json(msg=f"changed, and still so: {'; '.join(left)}", changes=changes)
    module.exit_json(changed=bool(changes), changes=changes, data=member.data)


def main():
    """Judge, settle or wait."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["judged", "settled", "formed"], "required": True},
            "name": {"type": "str", "required": True},
            "members": {"type": "list", "elements": "dict", "required": True},
            "cluster": {"type": "str", "required": True},
            "known": {"type": "dict", "default": {}},
            "folder": {"type": "str", "required": True},
            "pki": {"type": "str", "required": True},
            "files": {"type": "list", "elements": "dict", "default": []},
            "started_with": {"type": "list", "elements": "str", "default": []},
            "coming": {"type": "list", "elements": "str", "default": []},
            "snapshots": {"type": "dict", "default": {}},
            "wait": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    try:
        member = Member(module.params)
        if module.params["state"] == "judged":
            refuse(module, member, stops=False)
            module.exit_json(changed=False, changes=[], data=member.data)
        if module.params["state"] == "formed":
            if module.check_mode:
                module.exit_json(changed=False, changes=[])
            if not wait(member, module.params["wait"]):
                module.fail_json(msg=f"{member.name} isn't healthy: journalctl -u etcd tells why")
            mark(module.params, FORMED)
            # Were its data lost, etcd itself refuses to start a cluster that others have already.
            put(START, first(member))
            module.exit_json(changed=False, changes=[])
        settled(module, member)
    except (OSError, CommandError, MemberError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
