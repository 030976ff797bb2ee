"""State in a site's own S3 bucket instead of this machine's files: what a ministry with several engineers has."""

import json
from urllib.parse import urlsplit

import pytest

from operators import Operator, asked_for, living, new_id, request
from sites import Sandbox, aws_keys


@pytest.fixture
def shared(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Make a bucket for state, and the environment that leads Pulumi to it."""
    store = sandbox.connection("hosted").object_store
    access, secret = aws_keys(store.credentials_file, store.profile)
    bucket = f"state-{new_id()}"
    sandbox.client("hosted", "s3").create_bucket(Bucket=bucket)
    passphrase = tmp_path_factory.mktemp("shared") / "passphrase"
    passphrase.write_text("correct horse battery staple\n")
    return {
        "PULUMI_BACKEND_URL": f"s3://{bucket}?endpoint=https://{urlsplit(store.endpoint).netloc}"
        f"&s3ForcePathStyle=true&region={store.region}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        "AWS_ACCESS_KEY_ID": access,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_CA_BUNDLE": str(store.ca_file),
    }


def test_two_machines_work_on_the_state_in_a_sites_bucket(
    sandbox: Sandbox, operator: Operator, shared: dict[str, str]
) -> None:
    wanted = [request(name="one"), request(name="two", site="hosted")]
    ids = [one["spec"]["id"] for one in wanted]
    operator.ask(*wanted)
    assert {one["action"] for one in operator.apply(**shared).values()} == {"created"}
    assert not list(operator.state.rglob("stacks/*"))
    another = {**shared, "TENANTRY_STATE": str(operator.state) + "-another"}
    for one in wanted:
        one["spec"]["size"] = "large"
    operator.ask(*wanted)
    changes = operator.run("plan", ".", "--format", "json", **another)
    assert {step["step"] for one in json.loads(changes.stdout) for step in one["steps"]} == {"update"}
    assert {one["action"] for one in operator.apply(**another).values()} == {"changed"}
    assert living(sandbox, ids) == asked_for(operator.planned(), sandbox.sites)
    assert operator.run("retire", ".", "--yes", **shared).returncode == 0
    assert living(sandbox, ids) == {site: set() for site in sandbox.sites}
