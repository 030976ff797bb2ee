"""The issuers of tokens that a store trusts, brought to what a site says.

Sources: OpenID Connect Discovery 1.0; RFC 7517 (JWK); AWS IAM, CreateOpenIDConnectProvider.
"""

import base64
import binascii
import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tenantry.objectstore.kinds.base import Inputs
from tenantry.objectstore.kinds.identity import absent_as_none
from tenantry.objectstore.kinds.oidc_provider import OidcProvider, issuer
from tenantry.objectstore.store import Store
from tenantry.problems import UnreachableError, problem

_SECONDS = 10
_KIND = OidcProvider()


class Action(StrEnum):
    """What became of a store's trust in one issuer."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LEFT = "left alone"
    """The store trusts it, and nobody asked for that here."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer by its address, and the certificates (PEM) that vouch for that besides the machine's own.

    `audience` is that which its tokens for the store have.
    """

    url: str
    audience: str
    authority: str | None = None


@dataclass(frozen=True, slots=True)
class Trusted:
    """One issuer, and what was done for it."""

    issuer: str
    action: Action


def trust_issuers(store: Store, issuers: Sequence[Issuer]) -> list[Trusted]:
    """Have a store trust issuers for tokens of their audiences; of what it trusts besides, nothing is changed.

    Run again, it changes nothing until an issuer has other keys. Raises UnreachableError, before anything is changed,
    where an issuer's keys can't be read or have no certificates (TEN-415), or the store fails.
    """
    audiences: dict[str, set[str]] = {}
    for one in issuers:
        audiences.setdefault(one.url, set()).add(one.audience)
    prints = {one.url: read_thumbprints(one) for one in issuers}
    there = _read_all(store)
    done = [
        Trusted(url, _trust(store, url, prints[url], audiences[url], there.pop(issuer(url), None))) for url in prints
    ]
    return done + [Trusted(spec["url"], Action.LEFT) for spec in there.values()]


def _trust(
    store: Store, url: str, thumbprints: Sequence[str], audiences: set[str], there: dict[str, Any] | None
) -> Action:
    # Somebody else may use the issuer with another audience.
    every = sorted({*audiences, *(there["clientIds"] if there else ())})
    spec = {"url": url, "clientIds": every, "thumbprints": list(thumbprints)}
    if there is not None and all(_KIND.same(key, spec[key], there[key]) for key in spec):
        return Action.UNCHANGED
    _KIND.create(store, Inputs(store.site, "", issuer(url), spec))
    return Action.CREATED if there is None else Action.CHANGED


def _read_all(store: Store) -> dict[str, dict[str, Any]]:
    """Give what the store trusts, by the issuer's name."""
    with store.doing("list OIDC providers"):
        # Ceph has no list as long as there is none.
        answer = absent_as_none(store.iam.list_open_id_connect_providers)
    listed = answer["OpenIDConnectProviderList"] if answer else []
    found = [_KIND.read(store, f"{store.site}/{one['Arn']}", None) for one in listed]
    return {issuer(one.spec["url"]): dict(one.spec) for one in found if one is not None}


def read_thumbprints(one: Issuer) -> list[str]:
    """Give the SHA-1, in hexadecimal, of the certificate of each of an issuer's keys, which stores know them by.

    Raises UnreachableError (TEN-415).
    """
    discovery = _fetch(one, f"{one.url.rstrip('/')}/.well-known/openid-configuration")
    keys = _fetch(one, str(discovery.get("jwks_uri"))).get("keys")
    try:
        chains = [key["x5c"][0] for key in keys if "x5c" in key] if isinstance(keys, list) else []
        found = sorted({hashlib.sha1(base64.b64decode(each, validate=True)).hexdigest() for each in chains})  # noqa: S324
    except (binascii.Error, IndexError, KeyError, TypeError) as error:
        raise _unread(one, f"its key set isn't one ({error})") from error
    if not found:
        raise _unread(one, "none of its keys has a certificate (x5c), by which a store could know it")
    return found


def _fetch(one: Issuer, address: str) -> dict[str, Any]:
    import orjson
    import urllib3

    tls = ssl.create_default_context()
    try:
        if one.authority is not None:
            tls.load_verify_locations(cadata=one.authority)
        with urllib3.PoolManager(ssl_context=tls, timeout=_SECONDS, retries=2) as pool:
            answer = pool.request("GET", address)
        found = orjson.loads(answer.data) if answer.status == 200 else None
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise _unread(one, f"{address}: {getattr(error, 'reason', None) or error}") from error
    if not isinstance(found, dict):
        raise _unread(one, f"{address} answers {answer.status} without a document")
    return found


def _unread(one: Issuer, why: str) -> UnreachableError:
    what = f"the keys of issuer {one.url} can't be read: {why}"
    fix = "see that this machine reaches it, and that it serves OpenID discovery with a certificate (x5c) at each key"
    return UnreachableError(problem("TEN-415", what, fix))
