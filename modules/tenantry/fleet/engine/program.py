"""The Pulumi program of one tenant: what `tenantry apply` runs inline, and `stacks/__main__.py` as a project."""

from collections.abc import Callable

# pulumi_kubernetes loads its modules lazily, and two threads that load one at the same time fail: it is touched here.
from pulumi_kubernetes import Provider

from tenantry.components import TenantEnvironment
from tenantry.render import Rendered


def tenant_program(rendered: Rendered, site: str, generation: int) -> Callable[[], None]:
    """Make the program that registers a rendered tenant on a site, with access keys of a generation.

    The site's cluster is the context of its name in the kubeconfig that KUBECONFIG names: no path and no address gets
    into state, so any operator's machine can run the same stack.
    """

    def program() -> None:
        kubernetes = Provider(
            "kubernetes",
            context=site,
            cluster_identifier=site,
            enable_server_side_apply=True,
            # Else they'd be deleted and made anew, and a pod that starts between finds none.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            suppress_deprecation_warnings=True,
        )
        TenantEnvironment(rendered, site, kubernetes, generation=generation)

    return program
