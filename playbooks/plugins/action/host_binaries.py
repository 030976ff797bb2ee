"""Brings binaries to a host: only those that it lacks, each checked there by its SHA-256 before it is put in place."""

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Look, transfer, check: the host runs the module of this name for what is done there."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Bring what lacks."""
        result = super().run(tmp, task_vars)
        binaries = self._task.args["binaries"]
        wanted = [{key: one[key] for key in one if key != "source"} for one in binaries]
        looked = self._host(wanted, {}, task_vars)
        if looked.get("failed") or not looked["lacking"] or self._task.check_mode:
            return {**result, **looked, "changed": bool(looked.get("lacking"))}
        folder = self._make_tmp_path()
        try:
            lacking = [one for one in binaries if one["path"] in looked["lacking"]]
            brought = {one["path"]: self._transfer_file(one["source"], f"{folder}/{one['name']}") for one in lacking}
            done = self._host(wanted, brought, task_vars)
        finally:
            self._remove_tmp_path(folder)
        return {**result, **done, "changes": looked["changes"], "changed": True}

    def _host(self, wanted, brought, task_vars):
        arguments = {"binaries": wanted, "brought": brought}
        return self._execute_module("host_binaries", module_args=arguments, task_vars=task_vars)
