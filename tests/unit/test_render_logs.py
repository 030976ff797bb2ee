"""Where a store can write access logs, every bucket has one, in the site's own bucket; else the bucket is denied."""

from dataclasses import replace

import pytest

from examples import minimal
from strategies import baseline, departments, document, sites
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete
from tenantry.data import policy_dir
from tenantry.policy import Placed, build_policies, judge, read_paths
from tenantry.render import render_tenant

BUCKET, PREFIX = "t-4f9x2k7q-files", "t-4f9x2k7q-files/"
POLICY = read_paths([policy_dir() / "bucket" / "bucket-logging" / "policy.yaml"])


@pytest.mark.parametrize(
    ("can", "logs", "logging", "verdict"),
    [
        (True, "site-logs", {"bucket": "site-logs", "prefix": PREFIX}, "allow"),
        (True, None, None, "deny"),
        (False, "site-logs", None, "allow"),
        (False, None, None, "allow"),
    ],
)
def test_a_bucket_logs_where_its_site_can(can: bool, logs: str | None, logging: object, verdict: str) -> None:
    asked = minimal(classification="shared", buckets=[{"name": "files"}])
    (tenant,) = complete(Documents((document(asked),), sites=sites(), departments=departments()), baseline())
    site = sites()[tenant.spec.placement.site or ""]
    kept = [one for one in site.spec.capabilities if one != "bucket.logging"]
    offered = replace(site.spec, capabilities=(*kept, *(["bucket.logging"] if can else [])), access_log_bucket=logs)
    (bucket,) = render_tenant(tenant, replace(site, spec=offered), baseline()).object_store[:1]
    assert (bucket["metadata"]["name"], bucket["spec"]["logging"]) == (BUCKET, logging)
    # Tags are all that tells of a bucket in its store.
    noted = "tenantry.dev/access-log"
    assert bucket["spec"]["tags"].get(noted) == bucket["metadata"]["annotations"].get(noted)
    (found,) = judge(build_policies(POLICY), [Placed(bucket)])
    assert found.verdict == verdict
