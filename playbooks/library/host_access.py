#!/usr/bin/python
"""Settles what identities of hosts may do in their cluster, from one of its control-plane hosts."""

DOCUMENTATION = r"""
module: host_access
short_description: Bring ClusterRoles and ClusterRoleBindings to what is wanted
description:
  - Compares each with what the API server has, and applies those that differ, on the server's side.
  - Check mode compares by the same code; of an API server that isn't there yet it says that it lacks all of them.
options:
  objects: {type: list, elements: dict, required: true, description: "Objects of rbac.authorization.k8s.io/v1."}
  server: {type: str, required: true, description: "The API server, as https://address:port."}
  authority: {type: path, required: true, description: Who vouches for it.}
  certificate: {type: path, required: true, description: Whom it knows us as.}
  key: {type: path, required: true, description: The file of its key.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Settle
  host_access:
    objects: "{{ lookup('file', 'access.yaml') | from_yaml_all }}"
    server: https://10.20.0.17:6443
    authority: /etc/tenantry/pki/kubernetes-ca.crt
    certificate: /etc/tenantry/pki/kube-apiserver-kubelet-client.crt
    key: /etc/tenantry/pki/kube-apiserver-kubelet-client.key
"""
RETURN = r"""
changes: {description: What differed., type: list, returned: always}
"""

import json
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_tls import ask, trust
from ansible.module_utils.host_turn import take_turn

NOT_FOUND = 404
SECONDS = 30
PATHS = {"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings"}


class Server:
    """An API server, and who we are there."""

    def __init__(self, asked):
        """Read who vouches for it, and whom it knows us as."""
        self._server = asked["server"]
        self._context = trust(asked["authority"], asked["certificate"], asked["key"])

    def get(self, wanted):
        """Give an object as the server has it; empty where it has none."""
        try:
            return self._ask(wanted, "GET", None)
        except urllib.error.HTTPError as error:
            if error.code == NOT_FOUND:
                return {}
            raise

    def apply(self, wanted):
        """Have the server take an object over, in one step."""
        self._ask(wanted, "PATCH", json.dumps(wanted).encode(), "?fieldManager=tenantry&force=true")

    def _ask(self, wanted, method, body, query=""):
        name = f"{PATHS[wanted['kind']]}/{wanted['metadata']['name']}{query}"
        url = f"{self._server}/apis/rbac.authorization.k8s.io/v1/{name}"
        headers = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        with ask(request, self._context, SECONDS) as answer:
            return json.load(answer)


def difference(wanted, now):
    """Say how an object isn't as wanted; nothing where it is."""
    called = f"{wanted['kind']} {wanted['metadata']['name']}"
    if not now:
        return f"{called} is missing"
    parts = (name for name in wanted if name not in ("apiVersion", "kind", "metadata"))
    return f"{called} differs" if any(now.get(name) != wanted[name] for name in parts) else ""


def settle(asked, check):
    """Apply what differs, and give what that was; with `check`, only say it."""
    wanted = asked["objects"]
    try:
        server = Server(asked)
        changes = [(said, one) for one in wanted if (said := difference(one, server.get(one)))]
    except urllib.error.HTTPError:
        raise
    except OSError:
        # Neither certificates nor a server, as long as nobody has made them.
        if not check:
            raise
        return [difference(one, {}) for one in wanted]
    for _, one in () if check else changes:
        server.apply(one)
    return [said for said, _ in changes]


def main():
    """Compare, then apply."""
    module = AnsibleModule(
        argument_spec={
            "objects": {"type": "list", "elements": "dict", "required": True},
            "server": {"type": "str", "required": True},
            "authority": {"type": "path", "required": True},
            "certificate": {"type": "path", "required": True},
            "key": {"type": "path", "required": True, "no_log": False},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    try:
        changes = settle(module.params, module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"the API server doesn't let it be settled: {error}")
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
