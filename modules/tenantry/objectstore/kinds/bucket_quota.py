"""The quota of a bucket, of which S3 knows nothing. Ceph RGW sets it by an API of its own, on the same endpoint.

Source: Ceph's Admin Operations API: `GET /admin/bucket` and `PUT /admin/bucket?quota`. The site's administrator needs
the capability `buckets=*` there.
"""

import json
from typing import Any, Final, NoReturn

from tenantry.objectstore.store import Store

PATH: Final = "/admin/bucket"


def whole_kib(size: int) -> int:
    """Give a size as RGW takes it: in KiB, rounded up."""
    return -(-size // 1024)


class QuotaAdministration:
    """Reads and sets quotas as RGW's administrator."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, name: str) -> int | None:
        """Give the bytes that a bucket may hold, None where nothing bounds it."""
        quota = self._bucket(name)["bucket_quota"]
        return int(quota["max_size"]) if quota["enabled"] and quota["max_size"] >= 0 else None

    def write(self, name: str, size: int | None) -> None:
        """Bound a bucket, or no longer."""
        # Nothing is written before the answer to a question was RGW's: to other stores this is an object's address.
        owner = self._bucket(name)["owner"]
        bound = {"max-size-kb": str(whole_kib(size or 0)), "enabled": str(size is not None).lower()}
        parameters = {"quota": "", "uid": owner, "bucket": name, "max-objects": "-1", **bound}
        status, answer = self._store.call("PUT", PATH, parameters)
        if status != 200:
            _refused(status, answer)

    def _bucket(self, name: str) -> dict[str, Any]:
        status, answer = self._store.call("GET", PATH, {"bucket": name})
        try:
            found = json.loads(answer)
        except ValueError:
            _refused(status, answer)
        if status != 200 or not isinstance(found, dict) or not {"owner", "bucket_quota"} <= found.keys():
            _refused(status, answer)
        return found


def _refused(status: int, answer: bytes) -> NoReturn:
    """Fail as boto3 does."""
    from botocore.exceptions import ClientError

    try:
        code = str(json.loads(answer)["Code"])
    except (ValueError, KeyError, TypeError):
        code = str(status) if status != 200 else "NotImplemented"
    error: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    raise ClientError(error, "BucketQuota")
