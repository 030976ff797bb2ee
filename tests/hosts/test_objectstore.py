"""An object store on a real guest's own disk: over TLS alone, back after a boot, and its keys with nobody else."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError, SSLError
from guest_image import Image
from guests import Guest, free_port
from hosts_at_hand import AS_ASKED, host_of, inventory_of, run, write

from tenantry.hosts.outcome import HostOutcome
from tenantry.hosts.reading import read_inventory
from tenantry.hosts.running import PREPARE, run_playbook
from tenantry.problems import Exit
from tenantry.storekeys import StoreKeys, new_keys, read_keys, write_keys

pytestmark = pytest.mark.hosts

ROLES = ("storage", "pki", "objectstore")
FLAGS = [word for role in ROLES for word in ("--role", role)]
DATA = "/var/lib/tenantry/data"
STATE = (
    "find /etc /usr/local -type f -exec sha256sum {} + | sort -k 2; cut -d' ' -f1-4 /proc/mounts; "
    "head -c 1048576 /dev/vdb | sha256sum; ss --no-header --listening --tcp --numeric; id versitygw 2>&1 || true"
)
RIGHTS = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::own/*"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [RIGHTS]})


def inventory(folder: Path, guest: Guest, **settings: object) -> Path:
    """Write the inventory of a guest that is an object store."""
    return write(folder, inventory_of(host_of(guest, ("object-store",)), settings={"objectstore": settings}))


def outcome(asked: Path, image: Image, *, check: bool = False) -> HostOutcome:
    """Run the roles that make a store, and give what came of its host."""
    (one,) = run_playbook(read_inventory(asked), PREPARE, image.key, check=check, progress=lambda _: None, roles=ROLES)
    assert one.problems == []
    return one


class Reached:
    """The store on a guest, as clients of S3 and IAM reach it."""

    def __init__(self, s3: int, iam: int, ca: Path) -> None:
        self.ports = {"s3": s3, "iam": iam}
        self.ca = ca

    def client(self, service: str, keys: StoreKeys) -> Any:  # noqa: ANN401
        """Give a client that trusts the site's authority alone."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=f"https://127.0.0.1:{self.ports[service]}",
            region_name="us-east-1",
            aws_access_key_id=keys.access,
            aws_secret_access_key=keys.secret,
            verify=str(self.ca),
            config=botocore.config.Config(s3={"addressing_style": "path"}, read_timeout=60),
        )


@contextmanager
def reached(guest: Guest, ca: Path) -> Iterator[Reached]:
    """Reach a guest's store through SSH: it has no other way in."""
    ports = free_port(), free_port()
    forwards = [word for port, to in zip(ports, (8443, 8444), strict=True) for word in ("-L", f"{port}:127.0.0.1:{to}")]
    with subprocess.Popen([*guest.ssh[:-1], "-N", *forwards, guest.ssh[-1]]) as tunnel:
        try:
            time.sleep(3)
            yield Reached(*ports, ca)
        finally:
            tunnel.kill()


def refused(call: Any, **arguments: object) -> bool:  # noqa: ANN401
    """Say whether the store refuses a call."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    return False


def found(guest: Guest, secret: str) -> str:
    """Name every place on a guest that others could have a secret from."""
    # Encoded, for sudo logs what it runs.
    text = f"secret=$(echo {base64.b64encode(secret.encode()).decode()} | base64 -d); "
    text += 'grep -rlsF "$secret" /etc /home /root /run /srv /tmp /usr/local /var /proc/[0-9]*/cmdline; '
    text += 'journalctl --no-pager | grep -F "$secret"; true'
    return guest.run(text)


def test_a_store_comes_up_on_its_own_disk_and_is_back_after_a_boot(
    host: Guest, image: Image, tmp_path: Path, site_state: Path
) -> None:
    asked, kept = inventory(tmp_path, host), site_state / "objectstore" / "credentials"
    before = host.run(STATE)
    predicted = outcome(asked, image, check=True)
    assert host.run(STATE) == before
    assert not kept.exists()
    first = run("prepare", asked, *FLAGS, "--private-key", image.key)
    for role in ROLES:
        for change in predicted.changes[role]:
            assert change in first.stdout
    assert first.stdout.count("\nhost-1  ") == sum(map(len, predicted.changes.values()))
    assert f"{kept}, under the profile test" in first.stdout
    assert outcome(asked, image).changes == {}

    keys = read_keys(kept, "test")
    assert kept.stat().st_mode & 0o077 == 0
    assert keys.secret not in first.stdout + first.stderr
    assert found(host, keys.secret) == "/etc/tenantry/versitygw.keys\n"
    assert host.run("stat --format '%a %U' /etc/tenantry/versitygw.keys") == "600 root\n"
    assert host.run(f"stat --format '%a %U' {DATA}/objectstore/objects") == "700 versitygw\n"

    ca = site_state / "pki" / "object-store-ca.crt"
    with reached(host, ca) as store:
        s3, iam = store.client("s3", keys), store.client("iam", keys)
        assert s3.list_buckets()["Buckets"] == []
        for bucket in ("own", "others"):
            s3.create_bucket(Bucket=bucket)
            s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
        iam.create_user(UserName="tenant")
        iam.put_user_policy(UserName="tenant", PolicyName="own", PolicyDocument=POLICY)
        made = iam.create_access_key(UserName="tenant")["AccessKey"]
        user = store.client("s3", StoreKeys(made["AccessKeyId"], made["SecretAccessKey"]))
        user.put_object(Bucket="own", Key="theirs", Body=b"theirs")
        assert refused(user.get_object, Bucket="others", Key="kept")
        with pytest.raises(SSLError):
            Reached(**store.ports, ca=ca.with_name("kubernetes-ca.crt")).client("s3", keys).list_buckets()
    # What users are and have is theirs alone, too.
    assert host.run(f"find {DATA}/objectstore -perm /077") == ""

    host.reboot()
    assert outcome(asked, image).changes == {}
    with reached(host, ca) as store:
        user = store.client("s3", StoreKeys(made["AccessKeyId"], made["SecretAccessKey"]))
        assert user.get_object(Bucket="own", Key="theirs")["Body"].read() == b"theirs"
        assert refused(user.get_object, Bucket="others", Key="kept")

    write_keys(kept, "test", new_keys())
    again = outcome(asked, image, check=True)
    assert again.changes == {
        "objectstore": [
            "file /etc/tenantry/versitygw.keys differs",
            "service versitygw-iam was started with other files",
            "service versitygw was started with other files",
        ]
    }
    assert outcome(asked, image).changes == again.changes
    assert outcome(asked, image).changes == {}
    with reached(host, ca) as store:
        assert refused(store.client("s3", keys).list_buckets)
        s3 = store.client("s3", read_keys(kept, "test"))
        assert s3.get_object(Bucket="own", Key="kept")["Body"].read() == b"kept"
        user = store.client("s3", StoreKeys(made["AccessKeyId"], made["SecretAccessKey"]))
        assert user.get_object(Bucket="own", Key="theirs")["Body"].read() == b"theirs"


PLAIN = """
mkdir /etc/systemd/system/versitygw.service.d
unit=/etc/systemd/system/versitygw.service
line=$(sed -z 's/\\\\\\n//g; s/--cert=[^ ]*//; s/--key=[^ ]*//' $unit | grep ^ExecStart=)
printf '[Service]\\nExecStart=\\n%s\\n' "$line" > $unit.d/plain.conf
systemctl daemon-reload; systemctl restart versitygw
"""


def test_what_would_lie_on_the_system_or_go_in_clear_is_refused(
    host: Guest, image: Image, tmp_path: Path, site_state: Path
) -> None:
    key = ("--private-key", image.key)
    asked = inventory(tmp_path, host)

    def refuse(said: str, *roles: str) -> None:
        before = host.run(STATE)
        told = run("prepare", asked, *roles, *key, expect=Exit.INPUT)
        assert "TEN-723 host-1: preflight refuses" in told.stderr
        assert said in " ".join(told.stderr.split())
        assert host.run(STATE) == before
        assert not (site_state / "objectstore").exists()

    refuse("no disk of its own is mounted there, so objects would lie on the root file system", *FLAGS[2:])
    host.run("systemd-run --quiet --unit taken python3 -m http.server 8443; sleep 5")
    refuse("python3 listens on the port of versitygw", *FLAGS)
    host.run("systemctl stop taken")

    run("prepare", asked, *FLAGS, *key)
    host.run(PLAIN)
    asked = inventory(tmp_path, host, objectstore_wait_seconds=10)
    failed = run("prepare", asked, *FLAGS, *key, expect=Exit.UNREACHABLE)
    assert "http://127.0.0.1:8443 answers, so keys and objects would go in clear" in " ".join(failed.stderr.split())
    host.run("rm -r /etc/systemd/system/versitygw.service.d; systemctl daemon-reload; systemctl restart versitygw")
    assert run("prepare", asked, *FLAGS, *key).stdout == AS_ASKED

    # A boot on which its disk doesn't come up: nothing begins anew on the system's.
    host.run(
        f"systemctl stop versitygw versitygw-iam; sed -i 's/^UUID.*xfs/#&/' /etc/fstab; systemctl daemon-reload; "
        f"umount {DATA}; systemctl start versitygw versitygw-iam",
        check=False,
    )
    assert "active" not in host.run("systemctl is-active versitygw versitygw-iam; true").split()
    assert host.run(f"ls -A {DATA}") == ""
    back = run("prepare", asked, *FLAGS, *key)
    assert "service versitygw doesn't run" in back.stdout
    assert run("prepare", asked, *FLAGS, *key).stdout == AS_ASKED
