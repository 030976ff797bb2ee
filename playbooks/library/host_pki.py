#!/usr/bin/python
"""Makes keys that never leave the host, asks for their certificates, and puts these beside them."""

DOCUMENTATION = r"""
module: host_pki
short_description: Keys of a host, and the certificates that a site's authorities sign for them
description:
  - Called by the action of the same name, which signs on the machine that Ansible runs on.
  - C(looked) reads certificates, public keys and rights; C(asked) makes keys and gives requests; C(put) puts
    certificates in place, each after its key was found to be its own.
options:
  state: {type: str, choices: [looked, asked, put], required: true, description: What is done.}
  folder: {type: str, required: true, description: Where they lie.}
  names: {type: list, elements: str, default: [], description: Certificates to look at, or keys to make.}
  authorities: {type: list, elements: str, default: [], description: Authorities to look at.}
  token: {type: str, default: "", description: "The key that signs tokens, by its name; none where there is none."}
  kind: {type: str, default: ecdsa-p256, description: The kind of a key.}
  certificates: {type: dict, default: {}, description: Certificates by name.}
  trusted: {type: dict, default: {}, description: Certificates of authorities by file name.}
author: [tenantry]
"""
EXAMPLES = r"""
- name: Look
  host_pki: {state: looked, folder: /etc/tenantry/pki, names: [etcd]}
"""
RETURN = r"""
seen: {description: "certificate, public and rights by name.", type: dict, returned: looked}
requests: {description: Requests by name., type: dict, returned: asked}
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.host_files import command, owner_of, put, read
from ansible.module_utils.host_turn import take_turn

KINDS = {
    "ecdsa-p256": ("EC", "ec_paramgen_curve:P-256"),
    "ecdsa-p384": ("EC", "ec_paramgen_curve:P-384"),
    "rsa-3072": ("RSA", "rsa_keygen_bits:3072"),
    "rsa-4096": ("RSA", "rsa_keygen_bits:4096"),
}
TOKEN_KIND = "rsa-3072"
SETTINGS = "[req]\ndistinguished_name=dn\n[dn]\n"


class CommandError(Exception):
    """A command failed."""


def openssl(*words, stdin=None):
    """Run openssl, which has to succeed."""
    code, said = command("openssl", *words, stdin=stdin)
    if code:
        raise CommandError(f"openssl {words[0]}: {said.strip() or code}")
    return said


def public_of(key):
    """Give the public half of a key; nothing where there is no key, or what is there isn't one."""
    code, said = command("openssl", "pkey", "-in", key, "-pubout", "-passin", "pass:")
    return said if os.path.exists(key) and not code else None


def look(folder, name):
    """Say what is there of a certificate and its key."""
    key = f"{folder}/{name}.key"
    rights = "{} {}:{}".format(*owner_of(key)) if os.path.exists(key) else None
    return {"certificate": read(f"{folder}/{name}.crt"), "public": public_of(key), "rights": rights}


def make_key(path, kind):
    """Make a key in place, in one step, and readable for root alone."""
    algorithm, option = KINDS[kind]
    coming = f"{path}.coming"
    os.umask(0o077)
    openssl("genpkey", "-algorithm", algorithm, "-pkeyopt", option, "-out", coming)
    os.chmod(coming, 0o600)
    os.chown(coming, 0, 0)
    os.replace(coming, path)


def ask(folder, name, kind):
    """Make a key that waits for its certificate, beside the one in use, and give the request for it."""
    waiting = f"{folder}/{name}.key.new"
    make_key(waiting, kind)
    return openssl("req", "-new", "-config", "/dev/stdin", "-key", waiting, "-subj", f"/CN={name}", stdin=SETTINGS)


def put_certificate(folder, name, certificate):
    """Put a certificate and the key that waited for it in place. Killed between, the next run finds they don't fit."""
    waiting = f"{folder}/{name}.key.new"
    if openssl("x509", "-noout", "-pubkey", stdin=certificate) != public_of(waiting):
        raise CommandError(f"the certificate {name} isn't for the key that was made for it")
    os.replace(waiting, f"{folder}/{name}.key")
    put(f"{folder}/{name}.crt", certificate)


def main():
    """Look, ask or put."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["looked", "asked", "put"], "required": True},
            "folder": {"type": "str", "required": True},
            "names": {"type": "list", "elements": "str", "default": []},
            "authorities": {"type": "list", "elements": "str", "default": []},
            "token": {"type": "str", "default": "", "no_log": False},
            "kind": {"type": "str", "default": "ecdsa-p256"},
            "certificates": {"type": "dict", "default": {}},
            "trusted": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    take_turn(module)
    asked = module.params
    try:
        module.exit_json(**STATES[asked["state"]](asked))
    except (OSError, CommandError) as error:
        module.fail_json(msg=str(error))


def looked(asked):
    """Look at everything."""
    folder, token = asked["folder"], asked["token"]
    return {
        "changed": False,
        "seen": {name: look(folder, name) for name in asked["names"]},
        "trusted": {name: read(f"{folder}/{name}-ca.crt") for name in asked["authorities"]},
        "token": look(folder, token) if token else None,
    }


def requested(asked):
    """Make the keys, and the one of tokens where it is to be made."""
    folder, token = asked["folder"], asked["token"]
    os.makedirs(folder, mode=0o755, exist_ok=True)
    if token:
        make_key(f"{folder}/{token}.key", TOKEN_KIND)
    requests = {name: ask(folder, name, asked["kind"]) for name in asked["names"]}
    return {"changed": True, "requests": requests, "token": public_of(f"{folder}/{token}.key") if token else None}


def settled(asked):
    """Put everything in place: what is trusted first."""
    for name, text in asked["trusted"].items():
        put(f"{asked['folder']}/{name}", text)
    for name, text in asked["certificates"].items():
        put_certificate(asked["folder"], name, text)
    return {"changed": True}


STATES = {"looked": looked, "asked": requested, "put": settled}


if __name__ == "__main__":
    main()
