"""All that lives at a site and that policies are about, read in bulk."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tenantry.fleet.site.kube import KubeClient, ServedKind
from tenantry.fleet.site.live import READERS
from tenantry.policy.admission.match import may_match
from tenantry.policy.documents.model import Manifest, Policy

# What verdicts on other objects hang on.
_AROUND = frozenset({"Namespace", "LimitRange", "ServiceAccount", "ResourceQuota", "NetworkPolicy"})


def read_objects(client: KubeClient, policies: Sequence[Policy]) -> list[Manifest]:
    """Read every object that one of the policies is about, and what they are judged by.

    Secrets come without what is secret in them. Raises UnreachableError (TEN-502, TEN-503), which names the site.
    """
    kinds = [kind for kind in client.discover() if kind.kind in _AROUND or _is_judged(kind, policies)]
    with ThreadPoolExecutor(READERS) as readers:
        lists = list(readers.map(client.list_kind, kinds))
    return [_without_secrets(one) for found in lists for one in found]


def _is_judged(kind: ServedKind, policies: Iterable[Policy]) -> bool:
    wanted = [(policy.param_kind.api_version, policy.param_kind.kind) for policy in policies if policy.param_kind]
    if (kind.api_version, kind.kind) in wanted:
        return True
    return any(may_match(policy.match, kind.group, kind.plural) for policy in policies)


def _without_secrets(live: Manifest) -> Manifest:
    if live["kind"] != "Secret":
        return live
    return live | {"data": dict.fromkeys(live.get("data") or {}, "")}
