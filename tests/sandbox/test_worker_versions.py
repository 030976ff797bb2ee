"""Whether a kubelet fits its API server, as hosts ask a real one."""

from pathlib import Path
from types import ModuleType

import pytest

from playbook_modules import load
from sites import Sandbox
from tenantry.sandbox.layout import Layout
from tenantry.sandbox.site.certs import ensure_certificate
from tenantry.sandbox.site.settings import name_pki
from tenantry.toolchain import find

SITE = "onprem"


@pytest.fixture(scope="module")
def worker() -> ModuleType:
    """Give the module that looks whether a kubelet can run on a host."""
    return load("library/host_worker.py")


@pytest.fixture
def asked(sandbox: Sandbox, tmp_path: Path) -> dict[str, object]:
    """Ask as a node does."""
    layout = sandbox.layout(SITE)
    pki = name_pki(Layout(sandbox.state), layout)
    node = ensure_certificate(pki.client_ca, tmp_path, "kubelet", "system:node:host-1", groups=("system:nodes",))
    return {
        "server": f"https://127.0.0.1:{layout.ports['kube-apiserver']}",
        "authority": str(pki.root.certificate),
        "certificate": str(node.certificate),
        "key": str(node.key),
        "older": 3,
    }


@pytest.mark.parametrize(
    ("version", "said"), [("1.99.0", "it is newer than the API server"), ("1.30.9", "more than 3 minor versions")]
)
def test_a_kubelet_that_does_not_fit_its_api_server_is_refused(
    worker: ModuleType, asked: dict[str, object], version: str, said: str
) -> None:
    (reason,) = worker.versions({**asked, "version": version}, True)
    assert reason["value"] == version
    assert said in reason["what"]


def test_the_kubelet_that_comes_with_it_fits(
    worker: ModuleType, asked: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As on a host whose packages come by a proxy: what is the cluster's isn't asked by it.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert list(worker.versions({**asked, "version": find("kubelet").version}, True)) == []


def test_a_server_that_does_not_answer_is_missed_only_where_there_has_to_be_one(
    worker: ModuleType, asked: dict[str, object]
) -> None:
    nobody = {**asked, "server": "https://127.0.0.1:1", "version": "1.37.2"}
    assert list(worker.versions(nobody, False)) == []
    (reason,) = worker.versions(nobody, True)
    assert reason["value"] == "https://127.0.0.1:1"
