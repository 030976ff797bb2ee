"""The real sites that tests run on, and how tests look at them."""

import configparser
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from tenantry.connection import Connection, read_connection
from tenantry.fleet.site.kubeconfig import read_context, trust_context
from tenantry.sandbox.layout import Layout, SiteLayout
from tenantry.toolchain import binary

TENANT_LABEL = "tenantry.dev/tenant"


@dataclass(frozen=True)
class Sandbox:
    """The sandbox that this session runs on; its sites are reached as any site is, through their connections."""

    state: Path
    sites: tuple[str, ...]

    def connection(self, site: str) -> Connection:
        return read_connection(site)

    def layout(self, site: str) -> SiteLayout:
        """Say where a site's files lie."""
        return next(one for one in Layout(self.state).sites() if one.site == site)

    def kubectl(self, site: str, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the platform's administrator; the caller looks at the exit code."""
        kube = self.connection(site).kubernetes
        command = [binary("kubectl"), "--kubeconfig", kube.kubeconfig, "--context", kube.context, *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)

    def client(self, site: str, service: str, keys: tuple[str, str] | None = None) -> Any:  # noqa: ANN401  (boto3 makes its clients at run time)
        """Make a boto3 client for s3, iam or sts: the administrator's, or one with other keys."""
        store = self.connection(site).object_store
        endpoint = {"s3": store.endpoint, "iam": store.iam_endpoint, "sts": store.sts_endpoint}[service]
        session = boto3.session.Session(
            *(keys or aws_keys(store.credentials_file, store.profile)), region_name=store.region
        )
        # A body in one piece: a store that refuses may close the connection before it has read all of several.
        config = Config(
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 2},
            proxies={},
            request_checksum_calculation="when_required",
        )
        return session.client(service, endpoint_url=endpoint, verify=str(store.ca_file), config=config)  # type: ignore[call-overload]

    def forget_policies(self, site: str) -> None:
        """Take off a site what `tenantry baseline sync` installed."""
        kinds = [f"{way}admissionpolic{end}" for way in ("validating", "mutating") for end in ("ies", "ybindings")]
        done = self.kubectl(site, "delete", ",".join(kinds), "-l", "app.kubernetes.io/managed-by=tenantry")
        assert done.returncode == 0, done.stderr

    def snapshot(self) -> dict[str, Any]:
        """Return all that tenants have at the sites, so that two calls can be compared."""
        return {site: {**self._kubernetes(site), **self._store(site)} for site in self.sites}

    def _kubernetes(self, site: str) -> dict[str, Any]:
        """Ask for every kind that the API server has, whether or not tenantry knows of it."""
        context = read_context(self.connection(site))
        found = {}
        with urllib3.PoolManager(ssl_context=trust_context(context), timeout=30) as pool:

            def get(path: str) -> dict[str, Any]:
                answer = pool.request("GET", f"{context.cluster['server']}{path}")
                assert answer.status == 200, answer.data
                return dict(answer.json())

            for group in ["/api/v1", *_groups(get("/apis"))]:
                for kind in get(group)["resources"]:
                    if "list" not in kind["verbs"] or kind["name"] in ("events", "leases"):
                        continue
                    for item in get(f"{group}/{kind['name']}?labelSelector={TENANT_LABEL}")["items"]:
                        meta = item["metadata"]
                        meta.pop("managedFields", None)
                        found[f"{kind['kind']}/{meta.get('namespace', '')}/{meta['name']}"] = item
        return found

    def _store(self, site: str) -> dict[str, Any]:
        buckets = self.client(site, "s3").list_buckets()["Buckets"]
        pages = self.client(site, "iam").get_paginator("list_users").paginate()
        users = [user for page in pages for user in page["Users"]]
        return {
            **{f"Bucket/{bucket['Name']}": str(bucket["CreationDate"]) for bucket in buckets},
            **{f"User/{user['UserName']}": user["Arn"] for user in users},
        }


def _groups(listed: Mapping[str, Any]) -> list[str]:
    return [f"/apis/{group['preferredVersion']['groupVersion']}" for group in listed["groups"]]


def aws_keys(credentials: Path, profile: str) -> tuple[str, str]:
    """Read an access key and its secret from an AWS credentials file."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(credentials)
    return parser[profile]["aws_access_key_id"], parser[profile]["aws_secret_access_key"]
