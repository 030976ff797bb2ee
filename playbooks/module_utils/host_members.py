"""What members of etcd say, over TLS with their own certificate, through its HTTP gateway; and snapshots by it."""

import base64
import hashlib
import json
import os
import time
import urllib.error
import urllib.request

from ansible.module_utils.host_tls import ask, trust

CLIENT_PORT = 2379
PEER_PORT = 2380
TIMEOUT = 5
SNAPSHOT_TIMEOUT = 300
# bbolt's pages are of this size, and the digest of a snapshot follows the last one.
PAGE = 512


class MemberError(Exception):
    """A member doesn't answer, or says no."""


class Members:
    """Asks members by their addresses."""

    def __init__(self, folder, timeout=TIMEOUT):
        """Take the folder with etcd's certificate, key and authority."""
        self._folder = folder
        self._timeout = timeout

    def is_healthy(self, address):
        """Say whether a member answers, and its cluster has a leader."""
        try:
            return json.loads(self._open(f"{url(address)}/health", None).read()).get("health") == "true"
        except (MemberError, ValueError, OSError):
            return False

    def call(self, address, what, **asked):
        """Ask a member something by the name of its gateway's path."""
        try:
            return json.loads(self._open(f"{url(address)}/v3/{what}", json.dumps(asked).encode()).read())
        except (ValueError, OSError) as error:
            raise MemberError(f"{address} says of {what}: {error}") from error

    def cluster(self, address):
        """Give the id of the cluster that a member is of."""
        return self.call(address, "maintenance/status")["header"]["cluster_id"]

    def save(self, address, path):
        """Write a snapshot of what a member has; it is whole, for the digest that it ends with is right."""
        answer = self._open(f"{url(address)}/v3/maintenance/snapshot", b"{}", SNAPSHOT_TIMEOUT)
        coming = f"{path}.coming"
        handle = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as out:
                for line in answer:
                    part = json.loads(line)
                    if "error" in part:
                        raise MemberError(f"{address} ends its snapshot: {part['error'].get('message', part['error'])}")
                    out.write(base64.b64decode(part["result"].get("blob", "")))
                out.flush()
                os.fsync(out.fileno())
            if not is_whole(coming):
                raise MemberError(f"the snapshot of {address} isn't whole")
            os.replace(coming, path)
        except (ValueError, KeyError, OSError) as error:
            raise MemberError(f"no snapshot of {address}: {error}") from error
        finally:
            if os.path.exists(coming):
                os.unlink(coming)

    def _open(self, address, data, timeout=None):
        try:
            context = trust(*(f"{self._folder}/{name}" for name in ("etcd-ca.crt", "etcd.crt", "etcd.key")))
            asked = urllib.request.Request(address, data=data, headers={"Content-Type": "application/json"})
            return ask(asked, context, timeout or self._timeout)
        except urllib.error.HTTPError as error:
            raise MemberError(f"{address}: {error.read().decode(errors='replace')[:300]}") from error
        except OSError as error:
            raise MemberError(f"{address}: {error}") from error


def url(address, port=CLIENT_PORT):
    """Give where a member is reached."""
    return f"https://[{address}]:{port}" if ":" in address else f"https://{address}:{port}"


def is_whole(path):
    """Say whether a snapshot ends with the SHA-256 of what is before it, as etcd writes it."""
    size = os.path.getsize(path)
    if size < PAGE or size % PAGE != hashlib.sha256().digest_size:
        return False
    whole, left = hashlib.sha256(), size - hashlib.sha256().digest_size
    with open(path, "rb") as source:
        while left:
            part = source.read(min(1 << 20, left))
            whole.update(part)
            left -= len(part)
        return source.read() == whole.digest()


def snapshot_name():
    """Name a snapshot by the time of it, in UTC."""
    return time.strftime("%Y%m%dT%H%M%SZ.db", time.gmtime())


def may_stop(members, healthy, name):
    """Say why a member can't be stopped: without it the others would have no majority. Nothing where it can.

    `members` and `healthy` are names. The only member there is has nobody to leave without.
    """
    others = set(healthy) - {name}
    most = len(members) // 2 + 1
    if len(members) == 1 or len(others) >= most:
        return ""
    return f"{len(others)} of the {len(members) - 1} other members are healthy, and {most} must stay so"
