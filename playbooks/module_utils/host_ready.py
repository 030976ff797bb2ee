"""Whether Kubernetes' servers say that they are ready: asked over TLS, as one whom they know. Shared by modules."""

from ansible.module_utils.host_tls import ask, trust

APISERVER = "kube-apiserver"
TIMEOUT = 5
# Where each server says whether it is ready.
READY = {
    APISERVER: "https://{address}:6443/readyz",
    "kube-controller-manager": "https://127.0.0.1:10257/healthz",
    "kube-scheduler": "https://127.0.0.1:10259/healthz",
    "keepalived": "https://{virtual}:6443/readyz",
}


def says_ready(name, pki, address, virtual=""):
    """Say whether a server is ready."""
    at = {key: f"[{one}]" if ":" in one else one for key, one in (("address", address), ("virtual", virtual))}
    try:
        context = trust(*(f"{pki}/{file}" for file in ("kubernetes-ca.crt", "haproxy.crt", "haproxy.key")))
        with ask(READY[name].format(**at), context, TIMEOUT) as answer:
            return answer.status == 200
    except OSError:
        return False
