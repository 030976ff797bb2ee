"""Whether Kubernetes' servers say that they are ready: asked over TLS, as one whom they know. Shared by modules."""

import ssl
import urllib.request

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
        context = ssl.create_default_context(cafile=f"{pki}/kubernetes-ca.crt")
        context.load_cert_chain(f"{pki}/haproxy.crt", f"{pki}/haproxy.key")
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(*handlers).open(READY[name].format(**at), timeout=TIMEOUT) as answer:
            return answer.status == 200
    except OSError:
        return False
