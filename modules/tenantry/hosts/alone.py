"""One change of a site's hosts at a time, as far as this machine can see."""

from contextlib import AbstractContextManager

from tenantry.contract.model import Inventory
from tenantry.locks import held
from tenantry.paths import site_dir
from tenantry.problems import InputError, problem


def alone(inventory: Inventory) -> AbstractContextManager[None]:
    """Hold a site's hosts. Raises InputError (TEN-776) where another command of this machine changes them.

    Roles count on it: members of etcd and API servers change one after the other, and two runs would be two.
    """
    what = f"hosts of {inventory.spec.site} are being changed by another command on this machine"
    refusal = InputError(problem("TEN-776", what, "wait for it, or stop it; then run this again"))
    return held(site_dir(inventory.spec.site) / "hosts.lock", refusal)
