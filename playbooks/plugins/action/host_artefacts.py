"""Measures artefacts where Ansible runs, refuses those that aren't what they are to be, and sends those that differ."""

import hashlib

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Takes `programs` and `images`, `hashes` by name, and `state`.

    Each has its name and source; an image its digest, too, and where its archive is to be kept on the host. State
    `judged` only measures, and reaches no host; `settled` brings the host to them.
    """

    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        """Judge or settle."""
        result = super().run(tmp, task_vars)
        programs, images = (self._task.args.get(name) or [] for name in ("programs", "images"))
        measured, refused = measure([*programs, *images], self._task.args.get("hashes") or {})
        if refused:
            what = "; ".join(one["what"] for one in refused)
            return {**result, "failed": True, "msg": f"the host is refused: {what}", "refused": refused}
        if self._task.args.get("state") == "judged":
            return {**result, "changed": False}
        asked = {
            "programs": {one["name"]: measured[one["name"]] for one in programs},
            "images": {one["name"]: {"digest": one["digest"], "kept": one["kept"]} for one in images},
            "digests": measured,
        }
        sources = {one["name"]: one["source"] for one in (*programs, *images)}
        return {**result, **self._settle(asked, sources, task_vars)}

    def _settle(self, asked, sources, task_vars):
        """Have the host compare; copy what differs, and have it put in place."""
        try:
            said = self._execute_module("host_artefacts", module_args=asked, task_vars=task_vars)
            if said.get("failed") or not said["needed"] or self._task.check_mode:
                return said
            if not self._connection._shell.tmpdir:
                self._make_tmp_path()
            asked["copied"] = {
                name: self._send(sources[name], f"artefact-{n}") for n, name in enumerate(said["needed"])
            }
            return self._execute_module("host_artefacts", module_args=asked, task_vars=task_vars)
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)

    def _send(self, source, called):
        return self._transfer_file(source, self._connection._shell.join_path(self._connection._shell.tmpdir, called))


def measure(artefacts, hashes):
    """Give the SHA-256 of each artefact's file by its name, and the reasons to refuse some."""
    measured, refused = {}, []
    for one in artefacts:
        try:
            with open(one["source"], "rb") as source:
                found = hashlib.file_digest(source, "sha256").hexdigest()
        except OSError as error:
            refused.append(reason(one["name"], one["source"], f"it can't be read: {error.strerror}", "build it anew"))
            continue
        measured[one["name"]] = found
        if found != hashes.get(one["name"], found):
            what = f"its SHA-256 isn't {hashes[one['name']]}, but {found}"
            refused.append(
                reason(one["name"], one["source"], what, "take the file that was meant, or correct its hash")
            )
    return measured, refused


def reason(key, value, what, fix):
    """Make one reason to refuse the host."""
    return {"key": key, "value": str(value), "what": what, "fix": fix}
