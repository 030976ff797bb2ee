"""Hands a control-plane host the key that secrets are encrypted by, and says who may administrate the site."""

import hashlib
from pathlib import Path

from ansible.plugins.action import ActionBase

from tenantry.hosts.pki import operators


class ActionModule(ActionBase):
    """The host runs the module of this name for what is done there."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Settle a host, or only judge it."""
        result = super().run(tmp, task_vars)
        asked = dict(self._task.args)
        kept, endpoint, days = Path(asked.pop("kept")), asked.pop("endpoint"), asked.pop("days")
        changes = asked["state"] == "settled" and not self._task.check_mode
        secret = operators.ensure_encryption(kept) if changes else operators.read_encryption(kept)
        if asked["state"] == "settled":
            asked["encryption"] = secret
        asked["digest"] = hashlib.sha256(secret.encode()).hexdigest()
        done = self._execute_module("host_controlplane", module_args=asked, task_vars=task_vars)
        if changes and not done.get("failed"):
            made = operators.ensure_administrator(kept, endpoint, days)
            done["notes"] = [f"the kubeconfig of the site's administrator is {made}"] if made else []
        return {**result, **done}
