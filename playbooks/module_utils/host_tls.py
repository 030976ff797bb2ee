"""TLS to a cluster's servers: each vouched for by its own authority alone, asked directly, by a certificate of ours."""

import ssl
import urllib.request


def trust(authority, certificate="", key=""):
    """Trust one authority, and bring a certificate where one is named. All are files. Raises OSError."""
    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def ask(request, context, timeout):
    """Open an address or a request, whatever proxy the host's environment names: servers of the cluster are here."""
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    return urllib.request.build_opener(*handlers).open(request, timeout=timeout)
