"""Hands a host the keys of its object store's administrator, which lie where Ansible runs."""

from pathlib import Path

from ansible.plugins.action import ActionBase

from tenantry.hosts.administrator import ensure_keys, keys_file
from tenantry.storekeys import read_keys

TO_BE_MADE = ("to be made", "to be made")


class ActionModule(ActionBase):
    """The host runs the module of this name for what is done there."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Settle a host, or only judge it."""
        result = super().run(tmp, task_vars)
        asked = dict(self._task.args)
        kept, named, site = Path(asked.pop("kept")), asked.pop("named"), asked["site"]
        said = ""
        if asked["state"] == "settled":
            try:
                if self._task.check_mode:
                    keys = read_keys(file, site) if (file := keys_file(kept, named)).exists() else None
                else:
                    keys, said = ensure_keys(kept, named, site)
            except (OSError, ValueError) as error:
                return {**result, "failed": True, "msg": f"the keys of the administrator can't be had: {error}"}
            asked["access"], asked["secret"] = (keys.access, keys.secret) if keys else TO_BE_MADE
        done = self._execute_module("host_objectstore", module_args=asked, task_vars=task_vars)
        return {**result, **done, "notes": [said] if said else []}
