"""Makes an image of one program where Ansible runs, and brings it to a host whose containerd lacks it."""

import hashlib
from pathlib import Path

from ansible.plugins.action import ActionBase

from tenantry.hosts.oci import to_oci_archive


class ActionModule(ActionBase):
    """Takes `program`, as `site_programs` has it, the image's `repository`, and where the host keeps it."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Bring it where it lacks."""
        result = super().run(tmp, task_vars)
        program, kept = self._task.args["program"], self._task.args["kept"]
        image = to_oci_archive(
            f"{self._task.args['repository']}:{program['version']}",
            {program["name"]: Path(program["source"]).read_bytes()},
            [f"/{program['name']}"],
        )
        asked = {
            "name": image.name,
            "digest": image.digest,
            "sha256": hashlib.sha256(image.data).hexdigest(),
            "kept": kept,
        }
        looked = self._host(asked, task_vars)
        if looked.get("failed") or not looked["changed"] or self._task.check_mode:
            return {**result, **looked}
        folder = self._make_tmp_path()
        try:
            remote = self._connection._shell.join_path(folder, "image.tar")
            self._transfer_data(remote, image.data)
            return {**result, **self._host({**asked, "brought": remote}, task_vars)}
        finally:
            self._remove_tmp_path(folder)

    def _host(self, asked, task_vars):
        return self._execute_module("host_image", module_args=asked, task_vars=task_vars)
