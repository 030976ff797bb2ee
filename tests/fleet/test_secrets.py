"""No secret is ever in clear: not in state, in a log, in an output, in a rendered file or in `ps`."""

import base64
import time
from pathlib import Path

import psutil

from operators import Operator, keys_of, request
from sites import Sandbox, aws_keys


def test_no_secret_shows_anywhere(sandbox: Sandbox, operator: Operator) -> None:
    wanted = request()
    operator.ask(wanted)
    planned = operator.run("plan", ".")
    seen = planned.stdout + planned.stderr
    arguments = set()
    with operator.start("apply", ".") as applying:
        while applying.poll() is None:
            for process in psutil.process_iter():
                try:
                    arguments.add(" ".join(process.cmdline()))
                except psutil.Error:
                    continue
            time.sleep(0.05)
        seen += "".join(applying.communicate())
    wanted["spec"]["size"] = "large"
    operator.ask(wanted)
    for words in (("plan", "."), ("apply", "."), ("apply", ".", "--format", "json"), ("status", ".")):
        done = operator.run(*words)
        seen += done.stdout + done.stderr
    for words in (("drift", ".", "--format", "json"), ("render", ".", "--layer", "all"), ("check", ".")):
        done = operator.run(*words)
        seen += done.stdout + done.stderr
    store = sandbox.connection("onprem").object_store
    passphrase = (operator.state / "pulumi" / "passphrase").read_text().strip()
    secret = keys_of(sandbox, wanted)[1]
    secrets = [secret, base64.b64encode(secret.encode()).decode(), passphrase]
    secrets.append(aws_keys(store.credentials_file, store.profile)[1])
    files = [path for path in (*operator.state.rglob("*"), *operator.government.rglob("*")) if path.is_file()]
    logs = [path for path in sandbox.state.glob("sandbox/*/log/*") if path.is_file()]
    assert any(wanted["spec"]["id"].encode() in path.read_bytes() for path in files)
    for hidden in secrets:
        assert hidden not in seen
        assert not [line for line in arguments if hidden in line]
        assert [path for path in (*files, *logs) if hidden.encode() in path.read_bytes()] == own(operator, hidden)


def own(operator: Operator, hidden: str) -> list[Path]:
    """Give the one file that a secret belongs in, where there is one."""
    file = operator.state / "pulumi" / "passphrase"
    return [file] if hidden in file.read_text() else []


def test_what_only_its_owner_may_read_is_so(operator: Operator) -> None:
    operator.ask(request())
    operator.apply()
    for path in (operator.state / "pulumi", operator.state / "pulumi" / "passphrase", operator.checkpoints.parents[2]):
        assert path.stat().st_mode & 0o077 == 0, path
