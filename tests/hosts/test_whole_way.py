"""The whole way, once: machines become a site by an inventory and a bundle, and departments' workloads run there."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guest_image import Image
from hosts_at_hand import denied, run
from whole_sites import SITE, WORKER, WholeSite, pod_of, pods_image_files, whole_site
from workers_at_hand import wait_for

from operators import Operator, request
from pods import pod
from sites import Sandbox
from tenantry.cli.hosts_shown import write_site
from tenantry.data import example_dir
from tenantry.hosts.oci import to_oci_archive
from tenantry.hosts.reading import read_inventory

pytestmark = pytest.mark.hosts

AS_ASKED = "as asked; nothing was changed."
REGISTRY = "registry.gov.example/app"
# boto3 finds address, region, authority and keys by itself.
PROGRAM = """
import boto3, botocore.exceptions
from botocore.config import Config
s3 = boto3.client("s3", config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}))
try:
    s3.put_object(Bucket=sys.argv[1], Key="greeting", Body=b"from a pod")
    print(s3.get_object(Bucket=sys.argv[1], Key="greeting")["Body"].read().decode())
except botocore.exceptions.ClientError as error:
    sys.exit(error.response["Error"]["Code"])
"""


@pytest.fixture
def site(image: Image, tmp_path: Path, state: Path) -> Iterator[WholeSite]:
    """Give the machines of a site that is to be."""
    with whole_site(image, tmp_path) as machines:
        machines.lose_packages()
        yield machines


def test_machines_become_a_site_on_which_departments_work(site: WholeSite, state: Path, tmp_path: Path) -> None:
    bundle = site.make_bundle()
    for hosts in (site.names, [WORKER]):
        assert "package" in site.prepare(hosts, "--bundle", bundle)
    for hosts in (site.names, [WORKER]):
        assert AS_ASKED in site.prepare(hosts, "--bundle", bundle)
    run("facts", site.inventory, "--limit", WORKER, "--private-key", site.key, "--output", tmp_path / "facts")
    assert denied(tmp_path / "facts" / f"{WORKER}.json") == set()
    departments_work(site, state, tmp_path)
    # At each boot, nspawn itself mounts a container's /tmp.
    assert AS_ASKED in site.prepare(site.names, "--bundle", bundle, without=["baseline"])


def departments_work(site: WholeSite, state: Path, folder: Path) -> None:
    """Provision two tenants, of which each reads its own data and no other's, also while a server is gone."""
    cluster, operator = Sandbox(state, (SITE,)), make_operator(site, state, folder)
    image = give_image(site, cluster)
    mine, other = request("portal", SITE), request("register", SITE)
    operator.ask(mine, other)
    assert operator.run("baseline", "sync", SITE).returncode == 0
    applied = operator.apply()
    assert {one["action"] for one in applied.values()} == {"created"}

    def ask(whose: dict[str, Any], bucket: str) -> tuple[str, str]:
        manifest = pod(f"{whose['spec']['id']}-main")
        return outcome(cluster, pod_of(manifest, image, PROGRAM, bucket), site)

    bucket = f"{mine['spec']['id']}-documents"
    assert ask(mine, bucket) == ("Succeeded", "from a pod\n")
    assert ask(other, bucket) == ("Failed", "AccessDenied\n")

    killed = site.servers[0]
    killed.cut()
    wait_for("the site's answer", lambda: cluster.kubectl(SITE, "get", "--raw", "/readyz").stdout)
    assert ask(mine, bucket) == ("Succeeded", "from a pod\n")
    assert {one["action"] for one in operator.apply().values()} == {"unchanged"}
    killed.boot()
    known = "--cacert kubernetes-ca.crt --cert haproxy.crt --key haproxy.key"
    own = f"cd /etc/tenantry/pki; curl --silent {known} https://{killed.address}:6443/readyz"
    wait_for("the server's being back", lambda: killed.run(own, check=False) == "ok")


def make_operator(site: WholeSite, state: Path, folder: Path) -> Operator:
    """Make an engineer with the example's departments, the site's document, and the way to it that was written."""
    government = folder / "government"
    shutil.copytree(example_dir() / "departments", government / "departments")
    (government / "sites").mkdir()
    write_site(read_inventory(site.inventory), government / "sites" / f"{SITE}.yaml")
    return Operator(Sandbox(state, (SITE,)), government, state, state / "connections")


def give_image(site: WholeSite, cluster: Sandbox) -> str:
    """Give the worker the image of an application, and name it by its digest, as the baseline asks."""
    assert cluster.kubectl(SITE, "get", "--raw", "/readyz").stdout == "ok"
    made = to_oci_archive(f"{REGISTRY}:test", pods_image_files(site.servers[0]), ["/usr/bin/python3.11"])
    site.worker.send(made.data, "/home/ops/image.tar")
    named = f"{REGISTRY}@{made.digest}"
    site.worker.run(
        f"ctr -n k8s.io images import /home/ops/image.tar; ctr -n k8s.io images tag {REGISTRY}:test {named}; "
        "rm /home/ops/image.tar",
        seconds=600,
    )
    return named


def outcome(cluster: Sandbox, manifest: dict[str, Any], site: WholeSite) -> tuple[str, str]:
    """Run a pod to its end; give how it ended, and what it said last."""
    namespace = manifest["metadata"]["namespace"]
    made = cluster.kubectl(SITE, "create", "-f", "-", "-o", "json", stdin=json.dumps(manifest))
    assert made.returncode == 0, made.stderr
    name = json.loads(made.stdout)["metadata"]["name"]

    def ended() -> str:
        asked = ("-n", namespace, "get", "pod", name, "-o", "jsonpath={.status.phase}")
        phase = cluster.kubectl(SITE, *asked).stdout
        return phase if phase in ("Succeeded", "Failed") else ""

    def told() -> str:
        seen = cluster.kubectl(SITE, "-n", namespace, "describe", "pod", name).stdout
        return seen + site.worker.run("journalctl -m --no-pager -n 60 -u kubelet -u containerd", check=False)

    phase = wait_for(f"the end of {namespace}/{name}", ended, told)
    return phase, cluster.kubectl(SITE, "-n", namespace, "logs", name).stdout
