"""What tenants ask of a site and of their department's ceiling, in the four amounts that a quota has."""

from collections.abc import Iterable

from tenantry.contract.model import Bytes, Millicores, Quota, Tenant
from tenantry.contract.quantity import format_bytes, format_cpu

AMOUNTS = ("cpu", "memory", "storage", "pods")
"""The amounts of a quota, by the names of its fields and of the request's properties."""


def find_demand(tenant: Tenant) -> Quota:
    """Say what a tenant takes: its quota, and among its storage what its buckets may hold."""
    quota = tenant.spec.quota
    storage = quota.storage + sum(bucket.quota for bucket in tenant.spec.buckets)
    return Quota(cpu=quota.cpu, memory=quota.memory, storage=Bytes(storage), pods=quota.pods)


def add_up(quotas: Iterable[Quota]) -> Quota:
    """Add quotas up."""
    cpu = memory = storage = pods = 0
    for quota in quotas:
        cpu, memory = cpu + quota.cpu, memory + quota.memory
        storage, pods = storage + quota.storage, pods + quota.pods
    return Quota(cpu=Millicores(cpu), memory=Bytes(memory), storage=Bytes(storage), pods=pods)


def write_amount(what: str, amount: int) -> str:
    """Write one amount of a quota as requests do: `cpu` in cores, `memory` and `storage` in bytes."""
    if what == "cpu":
        return format_cpu(Millicores(amount))
    return str(amount) if what == "pods" else format_bytes(Bytes(amount))
