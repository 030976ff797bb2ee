"""A store that is away, silent or unwilling gives one message that names site, endpoint, object and cause."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from store_calls import Calls, inputs
from store_servers import Store, free_ports

from tenantry.connection import write_connection
from tenantry.objectstore import capabilities
from tenantry.objectstore import store as clients


@pytest.fixture
def broken(store: Store, calls: Calls) -> Iterator[None]:
    """Put the site's connection back after the test."""
    calls.create("Bucket", inputs("Bucket", "known", {}))
    yield
    write_connection(store.connection)


def refusal(calls: Calls) -> str:
    """A plan finds the fault before anything is called that changes something."""
    _, failures = calls.check("Bucket", inputs("Bucket", "known", {}))
    assert failures
    return failures[0]


@pytest.mark.usefixtures("broken")
def test_a_store_that_is_down_is_named(store: Store, calls: Calls) -> None:
    endpoint = f"https://127.0.0.1:{free_ports(1)[0]}"
    write_connection(replace(store.connection, object_store=replace(store.settings, endpoint=endpoint)))
    message = refusal(calls)
    assert "TEN-401" in message
    assert "site here" in message
    assert endpoint in message


@pytest.mark.usefixtures("broken")
def test_a_wrong_key_is_named_without_its_secret(store: Store, calls: Calls, tmp_path: Path) -> None:
    wrong = tmp_path / "credentials"
    wrong.write_text("[admin]\naws_access_key_id = admin\naws_secret_access_key = wrongwrongwrong\n")
    settings = replace(store.settings, credentials_file=wrong)
    write_connection(replace(store.connection, object_store=settings))
    with pytest.raises(grpc.RpcError) as caught:
        calls.read("Bucket", "here/known")
    message = str(caught.value.details())
    assert "TEN-402" in message
    assert "bucket known" in message
    assert "profile admin" in message
    assert "wrongwrong" not in message


@pytest.mark.usefixtures("broken")
def test_missing_keys_and_a_missing_connection_say_which_file(store: Store, calls: Calls, tmp_path: Path) -> None:
    settings = replace(store.settings, credentials_file=tmp_path / "none")
    write_connection(replace(store.connection, object_store=settings))
    assert "TEN-408" in refusal(calls)
    assert str(tmp_path / "none") in refusal(calls)
    _, failures = calls.check("Bucket", inputs("Bucket", "known", {}, site="nowhere"))
    assert "TEN-500" in failures[0]


@pytest.mark.usefixtures("broken")
def test_an_authority_that_is_not_the_stores_is_refused(store: Store, calls: Calls, tmp_path: Path) -> None:
    from certificates import issue

    settings = replace(store.settings, ca_file=issue(tmp_path / "other").authority)
    write_connection(replace(store.connection, object_store=settings))
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(calls)


@pytest.mark.usefixtures("broken")
def test_a_store_that_never_answers_is_given_up(store: Store, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "READ_SECONDS", 1)
    monkeypatch.setattr(clients, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(clients, "_stores", {})
    # As in a process that has asked this store nothing yet.
    monkeypatch.setattr(capabilities, "_seen", {})
    for process in store.processes:
        process.send_signal(signal.SIGSTOP)
    try:
        planned = refusal(calls)
        with pytest.raises(grpc.RpcError) as caught:
            calls.read("Bucket", "here/known")
    finally:
        for process in store.processes:
            process.send_signal(signal.SIGCONT)
    read = str(caught.value.details())
    assert "read bucket known" in read
    for message in (planned, read):
        assert "TEN-401" in message
        assert store.settings.endpoint in message


@pytest.mark.usefixtures("broken")
def test_an_identity_service_that_is_down_is_named(store: Store, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look at a store asks for users and roles, too, which another server may keep."""
    monkeypatch.setattr(capabilities, "_seen", {})
    capabilities.record_file(store.site).unlink()
    endpoint = f"https://127.0.0.1:{free_ports(1)[0]}"
    write_connection(replace(store.connection, object_store=replace(store.settings, iam_endpoint=endpoint)))
    message = refusal(calls)
    assert "TEN-401" in message
    assert "site here" in message
    assert endpoint in message
    assert not capabilities.record_file(store.site).exists()
