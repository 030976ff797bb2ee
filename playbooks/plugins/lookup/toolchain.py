"""Says where a real component's binary lies here, what it is by its digest, and where it goes on a host."""

DOCUMENTATION = r"""
name: toolchain
short_description: Find a binary of the toolchain
description: Gives name, version, source, sha256 and path of each; on hosts each version has a path of its own.
options:
  _terms: {description: Binaries by name., required: true}
  bundle: {description: The folder of an opened bundle, whose binaries it gives; with none those of this machine.}
"""

import hashlib
import json
from functools import cache
from pathlib import Path

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from tenantry.problems import TenantryError
from tenantry.toolchain.found import find, lookup

FOLDER = "/usr/local/lib/tenantry"


class LookupModule(LookupBase):
    """Finds binaries."""

    def run(self, terms, variables=None, **kwargs):  # noqa: ARG002
        """Give what is known of each."""
        try:
            return [describe(name, kwargs.get("bundle", "")) for name in terms]
        except TenantryError as error:
            raise AnsibleLookupError(str(error)) from error


@cache
def describe(name, bundle):
    """Give name, version, source, sha256 and path of a binary."""
    source, version, digest = in_bundle(name, Path(bundle)) if bundle else in_toolchain(name)
    # In a folder of its own, so that the process has the name that everybody looks for.
    path = f"{FOLDER}/{name}-{version}-{digest[:12]}/{name}"
    return {"name": name, "version": version, "source": str(source), "sha256": digest, "path": path}


def in_toolchain(name):
    """Give where a binary of this machine lies, its version and its digest."""
    source = lookup(name)
    with Path(source).open("rb") as content:
        return source, find(name).version, hashlib.file_digest(content, "sha256").hexdigest()


def in_bundle(name, folder):
    """Give where a bundle's binary lies, and the version and the digest that its manifest says."""
    for one in json.loads((folder / "manifest.json").read_bytes())["spec"]["artefacts"]:
        if (one["kind"], one["name"]) == ("binary", name):
            return folder / one["path"], one["version"], one["sha256"]
    raise AnsibleLookupError(f"the bundle has no {name}")
