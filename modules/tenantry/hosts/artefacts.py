"""What workers run, on this machine: programs of the toolchain, and the image that holds a pod's namespaces."""

from collections.abc import Mapping, Sequence

from tenantry.contract.model import HostRole, Inventory
from tenantry.contract.rules.workers import PROGRAMS
from tenantry.files import write_atomic
from tenantry.hosts.oci import to_oci_archive
from tenantry.paths import cache_dir
from tenantry.toolchain import Progress, ensure, find

PAUSE = "tenantry.dev/pause"
_ROLE = "worker"


def artefacts_of(inventory: Inventory, roles: Sequence[str], building: Progress) -> Mapping[str, object]:
    """Give what Ansible is told of artefacts, built first where they are missing; nothing where no role needs any.

    `roles` are those that are asked for by name, as site.yml wants it of a worker. Raises UnreachableError (TEN-2xx).
    """
    if _ROLE not in roles or not any(HostRole.WORKER in host.roles for host in inventory.spec.hosts):
        return {}
    paths = ensure((*PROGRAMS, "pause"), building)
    version = find("kubelet").version
    image = to_oci_archive(f"{PAUSE}:{version}", {"pause": paths["pause"].read_bytes()}, ["/pause"])
    kept = cache_dir() / "images" / f"pause-{image.digest.rpartition(':')[2][:16]}.tar"
    if not kept.is_file() or kept.read_bytes() != image.data:
        write_atomic(kept, image.data)
    return {
        "site_kubelet_version": version,
        "site_programs": [{"name": name, "source": str(paths[name])} for name in PROGRAMS],
        "site_pause": {"name": image.name, "source": str(kept), "digest": image.digest},
    }
