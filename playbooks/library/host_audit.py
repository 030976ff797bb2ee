#!/usr/bin/python
"""Brings the rules of the kernel's audit to what is wanted: tried first, taken back where one doesn't load."""

DOCUMENTATION = r"""
module: host_audit
short_description: Load the rules of audit, made immutable last
description:
  - Every rule is loaded before the file is put in place; where one doesn't load, the kernel has its old ones back.
  - Once immutable, rules change with a boot. The file is written then, and C(notes) say that it waits for one; nothing
    can try them before. Where one doesn't load at the boot, the next run puts the last text back that did.
  - Check mode compares by the same code, and stops there.
options:
  path: {type: path, required: true, description: "The file, in augenrules' folder."}
  content: {type: str, required: true, description: Its text; what marks and ends it is added.}
  immutable: {type: bool, default: true, description: Whether nobody may change the rules until the next boot.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Settle
  host_audit:
    path: /etc/audit/rules.d/tenantry.rules
    content: "-w /etc/passwd -p wa -k identity\n"
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
notes: {description: What waits for somebody., type: list, returned: always}
"""

import hashlib
import re
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, difference, put, read, write
from ansible.module_utils.host_turn import take_turn

MERGED = "/etc/audit/audit.rules"
MODE = "0640"
PROVEN = "/var/lib/tenantry/audit.rules"
LOCKED = 2
RULE = re.compile(r"^\s*-[aAw]\s", re.MULTILINE)
BAD_LINE = re.compile(r"There was an error in line (\d+) of ")
WAITS = "the rules of audit are immutable, so what their file has anew waits for a reboot"


def marked(content):
    """Add the last rule, whose key tells of what text it is: where the kernel has that one, it took all before it."""
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    return f"{content}-w /etc/audit/rules.d -p wa -k tenantry-{digest}\n", f"tenantry-{digest}"


def status():
    """Give the kernel's settings of audit by name."""
    lines = (line.split() for line in command("auditctl", "-s")[1].splitlines())
    return {words[0]: words[1] for words in lines if len(words) > 1}


def in_force():
    """Give the rules that the kernel has."""
    return [line for line in command("auditctl", "-l")[1].splitlines() if line.startswith("-")]


def rules_changed(mark):
    """Say whether the kernel has other rules than the files', of which ours is one."""
    listed = in_force()
    count = len(RULE.findall(read(MERGED) or ""))
    fresh = "No change" in command("augenrules", "--check")[1]
    return not fresh or len(listed) != count or not any(line.endswith(f"-k {mark}") for line in listed)


def find_changes(wanted, mark, immutable):
    """Say what differs and can be changed now, and what waits for a boot."""
    file = difference(wanted)
    changes = [file] if file else []
    enabled = int(status().get("enabled", 0))
    other = bool(file) or rules_changed(mark)
    if enabled == LOCKED:
        return changes, [WAITS] if other or not immutable else []
    if other:
        changes.append("the kernel has other audit rules")
    if immutable:
        changes.append("audit rules aren't immutable")
    elif not enabled:
        changes.append("audit is off")
    return changes, []


def load(path):
    """Load a file of rules; say which one the kernel or auditctl doesn't take."""
    code, said = command("auditctl", "-R", path)
    if not code:
        return ""
    bad = BAD_LINE.search(said)
    lines = (read(path) or "").splitlines()
    rule = lines[int(bad[1]) - 1] if bad and int(bad[1]) <= len(lines) else "one of them"
    # What it prints of its settings is in small letters.
    why = [line for line in said.splitlines() if line[:1].isupper() and line != "No rules" and not BAD_LINE.match(line)]
    return f"«{rule}» doesn't load ({' '.join(why) or code})"


def keep(path):
    """Write what the kernel has now, so that it can be loaded again."""
    now = status()
    settings = [f"-b {now.get('backlog_limit', 8192)}", f"-f {now.get('failure', 1)}"]
    put(path, "\n".join(["-D", *settings, *in_force()]) + "\n", 0o600)


def put_file(path, text):
    """Put a text in place, or none, and merge it with the other files' ones, as the next boot will."""
    write({"path": path, "content": text, "mode": MODE})
    command("augenrules")


def settle(wanted, trial, kept):
    """Try the rules, put their file in place, and load all files' rules, which end with their lock."""
    path, before = wanted["path"], read(wanted["path"])
    keep(kept)
    put(trial, "-D\n" + re.sub(r"^-e \d$", "", wanted["content"], flags=re.MULTILINE), 0o600)
    if failed := load(trial):
        load(kept)
        if before != wanted["content"]:
            return f"the new rules weren't put in place: {failed}"
        # They were put there while nothing could try them, and a boot has.
        put_file(path, read(PROVEN))
        load(MERGED)
        return f"the rules didn't load at the boot, and were taken back: {failed}"
    put_file(path, wanted["content"])
    if failed := load(MERGED):
        put_file(path, before if before != wanted["content"] else read(PROVEN))
        load(kept)
        return f"the new rules were taken back, for they don't load with the other files' ones: {failed}"
    put(PROVEN, wanted["content"], 0o600)
    return ""


def apply(module, wanted, mark, changes):
    """Change what differs, then look again."""
    immutable = module.params["immutable"]
    if int(status().get("enabled", 0)) == LOCKED:
        put_file(wanted["path"], wanted["content"])
    else:
        with tempfile.TemporaryDirectory(prefix="tenantry-", dir="/run") as folder:
            failed = settle(wanted, f"{folder}/trial.rules", f"{folder}/kept.rules")
        if failed:
            module.fail_json(msg=failed)
    left, notes = find_changes(wanted, mark, immutable)
    if left:
        module.fail_json(msg=f"changed, and still so: {'; '.join(left)}", changes=changes)
    return notes


def main():
    """Compare, then change."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True},
            "immutable": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    text, mark = marked(module.params["content"])
    content = f"{text}-e {LOCKED if module.params['immutable'] else 1}\n"
    wanted = {"path": module.params["path"], "content": content, "mode": MODE}
    changes, notes = find_changes(wanted, mark, module.params["immutable"])
    if changes and not module.check_mode:
        notes = apply(module, wanted, mark, changes)
    module.exit_json(changed=bool(changes), changes=changes, notes=notes)


if __name__ == "__main__":
    main()
