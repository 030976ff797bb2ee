"""What the module host_packages needs of a bundle, copied to the host: its index, and files that are missing there."""

import json
import os
import tarfile
import tempfile

from ansible import constants
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Takes `bundle`, a folder with an opened bundle, `needed`, paths in it, and else what the module takes."""

    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        """Run the module with what it needs."""
        result = super().run(tmp, task_vars)
        asked = dict(self._task.args)
        folder, needed = asked.pop("bundle"), asked.pop("needed", [])
        asked |= bundled(folder)
        try:
            if needed and not self._task.check_mode:
                asked["archive"] = self._send(folder, needed)
            result |= self._execute_module(module_name="host_packages", module_args=asked, task_vars=task_vars)
        finally:
            if self._connection._shell.tmpdir:
                self._remove_tmp_path(self._connection._shell.tmpdir)
        # The index is as long as all else together, and says nothing of the host.
        result.pop("invocation", None)
        return result

    def _send(self, folder, needed):
        """Copy files of the bundle to the host, as one; give where it lies there."""
        handle, local = tempfile.mkstemp(dir=constants.DEFAULT_LOCAL_TMP, suffix=".tar")
        os.close(handle)
        try:
            with tarfile.open(local, "w") as archive:
                for path in needed:
                    archive.add(os.path.join(folder, path), arcname=path)
            remote = self._connection._shell.join_path(self._make_tmp_path(), "bundle.tar")
            return self._transfer_file(local, remote)
        finally:
            os.unlink(local)


def bundled(folder):
    """Give what the bundle says of itself: its system, its index, and which files tell of security updates."""
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as source:
        spec = json.load(source)["spec"]
    with open(os.path.join(folder, "debian", "Packages"), encoding="utf-8") as source:
        index = source.read()
    updates = [
        {"path": one["path"], "sha256": one["sha256"], "date": one["version"]}
        for one in spec["artefacts"]
        if one["kind"] == "updates"
    ]
    return {"system": spec["system"], "index": index, "updates": updates}
