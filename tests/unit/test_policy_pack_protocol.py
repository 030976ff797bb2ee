"""The policy pack as Pulumi's engine meets it: how it is started, asked and configured."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc

from resources import GOOD, UNKNOWN, Manifest, pod, resource_of
from tenantry.check.judging import load_baseline_policies
from tenantry.check.report import Result
from tenantry.pack.analyzer import start_server
from tenantry.pack.review import Review


@pytest.fixture
def analyzer() -> Iterator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack, asked as the engine asks it."""
    server, port = start_server()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield analyzer_pb2_grpc.AnalyzerStub(channel)
    server.stop(grace=0).wait()


def ask(analyzer: analyzer_pb2_grpc.AnalyzerStub, manifest: Manifest) -> dict[str, int]:
    """Give the level of all that the pack says of a stack with one resource."""
    token, inputs = resource_of(manifest)
    sent = struct_pb2.Struct()
    sent.update(inputs)
    analyzer.Analyze(proto.AnalyzeRequest(urn="urn", type=token, properties=sent))
    there = proto.AnalyzerResource(urn="urn", type=token, properties=sent)
    answer = analyzer.AnalyzeStack(proto.AnalyzeStackRequest(resources=[there]))
    assert {one.urn for one in answer.diagnostics} <= {"urn"}
    return {one.policyName: one.enforcementLevel for one in answer.diagnostics}


def test_pulumi_is_told_of_every_policy(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    policies = load_baseline_policies(None).policies
    told_of = {one.name: one for one in analyzer.GetAnalyzerInfo(empty_pb2.Empty()).policies}
    assert told_of.keys() == {one.policy.name for one in policies} | {"kubernetes", "undecidable"}
    assert all(one.description for one in told_of.values())
    assert told_of["pod-privileged"].enforcementLevel == proto.MANDATORY
    assert told_of["pod-privileged"].remediation_steps.startswith("remove securityContext.privileged")
    assert told_of["container-probes"].enforcementLevel == proto.ADVISORY


def test_a_level_weighs_what_a_policy_says(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    wanted = {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    bad = pod(securityContext={**GOOD["securityContext"], "privileged": True}, image=UNKNOWN, env=[wanted])

    def levels(**configured: proto.EnforcementLevel.ValueType) -> list[int | None]:
        config = {name.replace("_", "-"): proto.PolicyConfig(enforcementLevel=one) for name, one in configured.items()}
        analyzer.Configure(proto.ConfigureAnalyzerRequest(policyConfig=config))
        found = ask(analyzer, bad)
        return [found.get(name) for name in ("pod-privileged", "image-digest", "container-secret-files")]

    mandatory, advisory = proto.MANDATORY, proto.ADVISORY
    assert levels() == [mandatory, mandatory, advisory]
    assert levels(undecidable=advisory) == [mandatory, advisory, advisory]
    assert levels(container_secret_files=mandatory) == [mandatory, advisory, mandatory]
    assert levels(pod_privileged=proto.DISABLED, undecidable=proto.REMEDIATE) == [None, mandatory, mandatory]
    assert levels(image_digest=advisory) == [None, advisory, mandatory]


def test_a_government_that_is_wrong_stops_pulumi(analyzer: analyzer_pb2_grpc.AnalyzerStub) -> None:
    config = {"tenantry:government": "/nowhere/at/all"}
    with pytest.raises(grpc.RpcError, match="TEN-656"):
        analyzer.ConfigureStack(proto.AnalyzerStackConfigureRequest(config=config))


def test_a_fault_of_the_pack_stops_pulumi_and_tells_no_value(
    analyzer: analyzer_pb2_grpc.AnalyzerStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Review, there: object) -> list[Result]:
        raise ValueError("s3cr3t")

    monkeypatch.setattr(Review, "judge_stack", fail)
    with pytest.raises(grpc.RpcError, match=r"TEN-657.*ValueError in test_policy_pack_protocol.py") as failed:
        ask(analyzer, pod())
    assert "s3cr3t" not in str(failed.value)


def launch(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the executable that the engine looks for, in a pack's folder."""
    code = "from tenantry.pack.launch import main; main()"
    command = [sys.executable, "-c", code, "127.0.0.1:1", ".", *arguments]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_another_pack_runs_as_pulumis_own_launcher_runs_it(tmp_path: Path) -> None:
    """It runs in the Python of its own environment, or in the one that Pulumi is told of."""
    (tmp_path / "__main__.py").write_text("import os, sys; print(os.environ['PYTHON_OF'], sys.argv[1:])")
    for name in ("venv", "other"):
        (tmp_path / name / "bin").mkdir(parents=True)
        python = tmp_path / name / "bin" / "python"
        python.write_text(f'#!/bin/sh\nPYTHON_OF={name} exec {sys.executable} "$@"\n')
        python.chmod(0o755)
    assert launch(tmp_path, "-virtualenv=venv").stdout.split() == ["venv", "['127.0.0.1:1',", "'.']"]
    other = str(tmp_path / "other" / "bin" / "python")
    assert launch(tmp_path, PULUMI_PYTHON_CMD=other).stdout.startswith("other ")
    failed = launch(tmp_path, "-virtualenv=missing")
    assert failed.returncode == 1
    assert "TEN-658" in failed.stderr


def test_the_environment_names_the_packs_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tenantry", "env"]
    environment = os.environ | {"TENANTRY_STATE": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    lines = dict(line.removeprefix("export ").split("=", 1) for line in done.stdout.splitlines())
    folder = Path(lines["TENANTRY_POLICY_PACK"])
    assert {"PulumiPolicy.yaml", "__main__.py", "baseline.yaml"} <= {path.name for path in folder.iterdir()}
