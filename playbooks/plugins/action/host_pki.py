"""Has a host make keys and ask for certificates, and signs them here, where the authorities' keys are."""

from pathlib import Path

from ansible.plugins.action import ActionBase

from tenantry.hosts.pki import authorities, leaves, tokens

TOKEN = "service-account"


class ActionModule(ActionBase):
    """Look, judge, sign: the host runs the module of this name for what is done there."""

    _requires_connection = True

    def run(self, tmp=None, task_vars=None):
        """Settle a host's certificates, or only judge them."""
        result = super().run(tmp, task_vars)
        self.variables = task_vars
        self.asked = asked = dict(self._task.args["asked"])
        self.kept = Path(asked["kept"])
        if self._task.args["state"] == "shared":
            return {**result, **self._share()}
        asked["wanted"] = [leaves.to_leaf(one) for one in asked["leaves"] if {*one["roles"]} & {*asked["roles"]}]
        asked["token"] = TOKEN if "control-plane" in asked["roles"] else ""
        if not asked["wanted"]:
            return {**result, "changed": False, "paths": []}
        return {**result, **self._judge()}

    def _judge(self):
        """Look at a host, refuse it, or give what differs, after it was changed where that is asked for."""
        asked, kept = self.asked, self.kept
        seen = self._host(
            state="looked",
            folder=asked["folder"],
            names=[leaf.name for leaf in asked["wanted"]],
            authorities=list(authorities.AUTHORITIES),
            token=asked["token"],
        )
        if seen.get("failed"):
            return seen
        refused = list(authorities.refuse_authorities(kept, seen["trusted"]))
        changes = [] if refused else find_changes(seen, kept, asked)
        coming = [leaf for _, leaf in changes if leaf]
        refused += leaves.refuse_leaves(coming, kept, asked["leaf_days"])
        if refused:
            what = "; ".join(one["what"] for one in refused)
            return {"failed": True, "msg": f"the host is refused: {what}", "refused": refused}
        if self._task.args["state"] == "judged":
            return {"changed": False}
        said = {"changed": bool(changes), "changes": [text for text, _ in changes], "notes": []}
        said["paths"] = [f"{asked['folder']}/{leaf.name}.crt" for leaf in coming]
        said["token_coming"] = bool(asked["token"] and why_token(seen["token"]))
        if not self._task.check_mode:
            if asked["token"] and not why_token(seen["token"]):
                tokens.keep_token(kept, asked["host"], seen["token"]["public"])
            done, said["notes"] = self._settle(coming, seen["token"]) if changes else ({}, [])
            if done.get("failed"):
                return {**done, "changes": said["changes"]}
        return said

    def _host(self, **arguments):
        return self._execute_module("host_pki", module_args=arguments, task_vars=self.variables)

    def _settle(self, coming, token):
        """Have keys made, sign what is asked for, and have it put in place."""
        asked, kept = self.asked, self.kept
        made = authorities.ensure_authorities(kept, asked["site"], asked["authority_days"])
        notes = [f"made the authorities of {asked['site']} in {kept}; keep a copy where it is safe"] if made else []
        new_token = asked["token"] if asked["token"] and why_token(token) else ""
        names = [leaf.name for leaf in coming]
        requests = self._host(state="asked", folder=asked["folder"], names=names, kind=asked["key"], token=new_token)
        if requests.get("failed"):
            return requests, notes
        if new_token:
            tokens.keep_token(kept, asked["host"], requests["token"])
        try:
            certificates = {
                leaf.name: leaves.sign_request(leaf, requests["requests"][leaf.name], kept, asked["leaf_days"])
                for leaf in coming
            }
        except (OSError, ValueError) as error:
            return {"failed": True, "msg": f"it can't be signed: {error}"}, notes
        trusted = {
            f"{name}-ca.crt": authorities.certificate_file(kept, name).read_text() for name in authorities.AUTHORITIES
        }
        arguments = {"folder": asked["folder"], "certificates": certificates, "trusted": trusted}
        return self._host(state="put", **arguments), notes

    def _share(self):
        """Tell a host of the public keys that all hosts sign tokens with."""
        path = f"{self.asked['folder']}/{TOKEN}.pub"
        hosts, coming = self._task.args["hosts"], self._task.args["coming"]
        files = [{"path": path, "content": tokens.all_tokens(self.kept, hosts, coming)}]
        done = self._execute_module("host_settle", module_args={"files": files}, task_vars=self.variables)
        return {**done, "paths": [path] if done.get("changed") else []}


def find_changes(seen, kept, asked):
    """Give what is to be changed, each with its certificate where it is one."""
    there = {name: leaves.Seen(**one) for name, one in seen["seen"].items()}
    changes = [
        (f"authority {name}-ca is missing", None) for name in authorities.AUTHORITIES if seen["trusted"][name] is None
    ]
    changes += leaves.find_changes(asked["wanted"], there, kept, asked["renew_days"])
    if asked["token"] and (said := why_token(seen["token"])):
        changes.append((said, None))
    return changes


def why_token(seen):
    """Say why the key that signs tokens is to be made."""
    if seen["public"] is None:
        return f"key {TOKEN} is missing"
    return f"key {TOKEN} has other rights than {leaves.KEY_RIGHTS}" if seen["rights"] != leaves.KEY_RIGHTS else ""
