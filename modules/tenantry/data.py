"""Where the files that tenantry ships beside its code are: schemas, templates, the baseline, the toolchain's pins.

In a checkout they lie at the top of the tree, where people look for them; a wheel carries them inside the package.
"""

from functools import cache
from pathlib import Path


@cache
def data_root() -> Path:
    """Return the folder that holds `stacks/`, `policies/`, `playbooks/` and `toolchain/`."""
    package = Path(__file__).resolve().parent
    shipped = package / "_data"
    return shipped if shipped.is_dir() else package.parents[1]


def schema_dir() -> Path:
    """Return the folder of the contract's JSON Schemas, `<kind>.json` each."""
    return data_root() / "stacks" / "schema"


def template_dir() -> Path:
    """Return the folder of the request templates, `<template>.yaml` each."""
    return data_root() / "stacks" / "templates"


def example_dir() -> Path:
    """Return the folder of the example government that the demo provisions."""
    return data_root() / "stacks" / "example"


def baseline_file() -> Path:
    """Return the baseline document that ships with this version."""
    return data_root() / "policies" / "baseline.yaml"


def policy_dir() -> Path:
    """Return the folder of the baseline's policies, `<layer>/<policy>/policy.yaml` each; it is a Pulumi policy pack."""
    return data_root() / "policies"


def controls_dir() -> Path:
    """Return the folder of the frameworks whose controls policies name, `<framework>.yaml` each."""
    return policy_dir() / "controls"


def playbook_dir() -> Path:
    """Return the folder of the playbooks that prepare hosts, with their roles and modules."""
    return data_root() / "playbooks"


def toolchain_dir() -> Path:
    """Return the folder with one Go module for each real component."""
    return data_root() / "toolchain"
