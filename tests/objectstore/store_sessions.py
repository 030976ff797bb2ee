"""Sessions with the store that a test runs on, as workloads and outside parties have them."""

from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from store_servers import Store

from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store as Client


def connect(store: Store, key: str | None, secret: str | None, session: str | None = None) -> Json:
    """Make an S3 client with keys; without any, it's nobody's."""
    return boto3.client(
        "s3",
        endpoint_url=store.settings.endpoint,
        verify=str(store.settings.ca_file),
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=session,
        config=Config(
            signature_version="s3v4" if key else UNSIGNED,
            # RGW 16 wants a Content-Length, which newer clients' trailing checksums do without.
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path"},
        ),
    )


def enter(store: Store, client: Client, arn: str, token: str, session: str = "test") -> Json:
    """Take a role with a token, under a session's name, and make an S3 client with its keys."""
    keys = client.anonymous_sts().assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName=session, WebIdentityToken=token
    )["Credentials"]
    return connect(store, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def allowed(call: Any, **arguments: str | bytes) -> bool:  # noqa: ANN401  (a method of boto3's)
    """Say whether the store lets something be done."""
    try:
        call(**arguments)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 403:
            return False
        raise
    return True
