"""One store's clients, and what its faults mean: every failure names the site, the endpoint, the object and the cause.

boto3 is imported when the first client is made: the provider must answer the engine before that.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from tenantry.connection import ObjectStoreConnection, read_connection
from tenantry.problems import Problem, UnreachableError, problem

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import ClientError
    from botocore.httpsession import URLLib3Session
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

CONNECT_SECONDS: Final = 5
READ_SECONDS: Final = 20
ATTEMPTS: Final = 2
"""An answer is waited for 40 s at most, counting repeats: long enough for a slow store, short enough for a person."""

ABSENT: Final = frozenset({"404", "NoSuchBucket", "NoSuchEntity", "NoSuchKey", "NotFound"})
REFUSED: Final = frozenset({"403", "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch"})
FULL: Final = frozenset({"QuotaExceeded", "LimitExceeded", "TooManyBuckets", "ServiceQuotaExceeded"})


class Store:
    """The S3, IAM and STS clients of one site; made when first used, safe to share between threads."""

    def __init__(self, site: str, settings: ObjectStoreConnection) -> None:
        self.site = site
        self.settings = settings
        self._making = threading.RLock()

    @cached_property
    def _session(self) -> "boto3.session.Session":
        import boto3
        import botocore.session

        found = botocore.session.Session()
        found.set_config_variable("credentials_file", str(self.settings.credentials_file))
        # Nothing of the machine's own AWS configuration may leak in: the connection says everything.
        found.set_config_variable("config_file", "/dev/null")
        found.set_config_variable("profile", self.settings.profile)
        return boto3.session.Session(botocore_session=found, region_name=self.settings.region)

    @cached_property
    def credentials(self) -> tuple[str, str]:
        """The access key and its secret. Raises UnreachableError (TEN-408) where the profile has none."""
        from botocore.configloader import raw_config_parse
        from botocore.exceptions import BotoCoreError

        path, profile = self.settings.credentials_file, self.settings.profile
        try:
            # Read here and not by boto3's chain, which would go on to the environment and to instance metadata.
            entry = raw_config_parse(str(path))[profile]
            return str(entry["aws_access_key_id"]), str(entry["aws_secret_access_key"])
        except (BotoCoreError, KeyError, OSError):
            what = f"site {self.site}: no keys under the profile {profile}"
            fix = "write the profile's aws_access_key_id and aws_secret_access_key there"
            raise UnreachableError(problem("TEN-408", what, fix, file=str(path))) from None

    @cached_property
    def s3(self) -> "S3Client":
        """The S3 client; addresses buckets by path, which needs no DNS of its own."""
        from botocore.config import Config

        key, secret = self.credentials
        with self._making:
            return self._session.client(
                "s3",
                endpoint_url=self.settings.endpoint,
                verify=self._verify,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                    s3={"addressing_style": "path"},
                    signature_version="s3v4",
                    # Stores other than AWS refuse the newer trailing checksums.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                    max_pool_connections=32,
                ),
            )

    @cached_property
    def iam(self) -> "IAMClient":
        """The IAM client."""
        from botocore.config import Config

        key, secret = self.credentials
        with self._making:
            return self._session.client(
                "iam",
                endpoint_url=self.settings.iam_endpoint or self.settings.endpoint,
                verify=self._verify,
                aws_access_key_id=key,
                aws_secret_access_key=secret,
                config=Config(
                    connect_timeout=CONNECT_SECONDS,
                    read_timeout=READ_SECONDS,
                    retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                    max_pool_connections=32,
                ),
            )

    def anonymous_sts(self) -> "STSClient":
        """An STS client without keys, as a workload that shows a token has it."""
        from botocore import UNSIGNED
        from botocore.config import Config

        with self._making:
            return self._session.client(
                "sts",
                endpoint_url=self.settings.sts_endpoint or self.settings.endpoint,
                verify=self._verify,
                config=Config(signature_version=UNSIGNED, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS),
            )

    @cached_property
    def _http(self) -> "URLLib3Session":
        from botocore.httpsession import URLLib3Session

        verify: Any = self._verify
        timeout: Any = (CONNECT_SECONDS, READ_SECONDS)
        return URLLib3Session(verify=verify, timeout=timeout)

    def call(self, method: str, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Make a signed call that the S3 client doesn't know; give the answer's status and body.

        Source: AWS Signature Version 4, as S3 uses it.
        """
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        request = AWSRequest(method, f"{self.settings.endpoint}{path}", params=dict(parameters))
        S3SigV4Auth(Credentials(*self.credentials), "s3", self.settings.region).add_auth(request)
        answer = self._http.send(request.prepare())
        return answer.status_code, answer.content

    @property
    def _verify(self) -> str | bool:
        return str(self.settings.ca_file) if self.settings.ca_file else True

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Turn the faults of a block into problems; `what` names the operation and its object ("make bucket a")."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            self._answered(what, error)
        except BotoCoreError as error:
            raise UnreachableError(self._silent(what, error)) from error

    def _answered(self, what: str, error: "ClientError") -> NoReturn:
        code, said = error_code(error), error.response.get("Error", {}).get("Message", "")
        cause = f"{code}: {said}" if said else code
        where = f"site {self.site}, {self.settings.endpoint}"
        if code in ABSENT:
            fix = "refresh, which tells the state that it is gone; then apply again"
            found = problem("TEN-414", f"{where}: what is needed to {what} is gone ({cause})", fix)
        elif code in REFUSED:
            fix = f"give the profile {self.settings.profile} the right to do this, or mend its key"
            found = problem("TEN-402", f"{where}: the store refuses to {what} ({cause})", fix)
        elif code in FULL:
            fix = "raise the store's limit, or retire what isn't needed"
            found = problem("TEN-410", f"{where}: the store's limit doesn't let it {what} ({cause})", fix)
        else:
            fix = "look up the store's answer; apply again when it is mended, which finishes what is half done"
            found = problem("TEN-411", f"{where}: the store failed to {what} ({cause})", fix)
        raise UnreachableError(found) from error

    def _silent(self, what: str, error: Exception) -> Problem:
        where = f"site {self.site}, {self.settings.endpoint}"
        cause = " ".join(str(error).split())
        fix = "check that the store runs and that the site's connection names it; then apply again"
        return problem("TEN-401", f"{where}: no answer when asked to {what} ({cause})", fix)


def error_code(error: "ClientError") -> str:
    """Give the code of a store's refusal, "" where it has none.

    Ceph RGW's IAM answers lack an envelope, so their code lands one level up.
    """
    inner = str(error.response.get("Error", {}).get("Code", ""))
    outer = str(cast(dict[str, object], error.response).get("Code", ""))
    return outer or inner if inner in ("", "Unknown") else inner


_stores: dict[tuple[str, ObjectStoreConnection, int], Store] = {}
_stores_lock = threading.Lock()


def open_store(site: str) -> Store:
    """Give a site's store by its connection, the same one until the connection or its credentials file changes.

    Raises UnreachableError (TEN-500, TEN-408) where the site has no connection or no keys.
    """
    settings = read_connection(site).object_store
    try:
        written = settings.credentials_file.stat().st_mtime_ns
    except OSError:
        written = 0
    with _stores_lock:
        return _stores.setdefault((site, settings, written), Store(site, settings))
