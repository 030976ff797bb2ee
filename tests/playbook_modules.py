"""Modules that run on hosts, loaded here as Ansible does there: their own imports are beside Ansible's."""

import importlib.util
from types import ModuleType

import ansible.module_utils

from tenantry.data import playbook_dir


def load(path: str) -> ModuleType:
    """Load a module by its path below `playbooks`."""
    beside = str(playbook_dir() / "module_utils")
    if beside not in ansible.module_utils.__path__:
        ansible.module_utils.__path__.append(beside)
    file = playbook_dir() / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
