"""The nodes of a cluster, asked and changed by kubectl with an administrator's kubeconfig."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from tenantry.hosts.upgrade.seen import Node
from tenantry.problems import UnreachableError, problem

_REQUEST_SECONDS = 30
_PAUSE = 2
_TRIES = 5
_LONGEST_SAID = 500


class Nodes:
    """The nodes that an API server knows."""

    def __init__(self, kubectl: Path, kubeconfig: Path) -> None:
        self._command = [str(kubectl), f"--kubeconfig={kubeconfig}"]

    def all(self) -> Mapping[str, Node]:
        """Give all nodes by their names. Raises UnreachableError (TEN-778)."""
        said = self._must("get", "nodes", "--output=json")
        return {node.name: node for node in map(_node, orjson.loads(said)["items"])}

    def cordon(self, name: str) -> None:
        """Let no new pod come to a node. Raises UnreachableError (TEN-778)."""
        self._must("cordon", name)

    def uncordon(self, name: str) -> None:
        """Let pods come to a node again. Raises UnreachableError (TEN-778)."""
        self._must("uncordon", name)

    def drain(self, name: str, seconds: int) -> None:
        """Have the pods of a node go, as their disruption budgets let them; those of daemon sets and its own stay.

        Raises UnreachableError (TEN-777) where some are still there after so many seconds, or nobody would make them
        anew elsewhere. The node stays cordoned then.
        """
        flags = ("--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={seconds}s")
        code, said = self._run("drain", name, *flags, seconds=seconds + _REQUEST_SECONDS)
        if code:
            what = f"{name}: its pods don't go within {seconds} s: {_last(said)}"
            fix = (
                "see what keeps them (kubectl get poddisruptionbudgets -A), then run the same command again; "
                f"kubectl uncordon {name}, if that is to wait"
            )
            raise UnreachableError(problem("TEN-777", what, fix))

    def wait_ready(self, name: str, version: str, seconds: int) -> None:
        """Wait until a node is Ready with its kubelet in a version. Raises UnreachableError (TEN-778)."""
        deadline = time.monotonic() + seconds
        while True:
            node = self.all().get(name)
            if node is not None and node.ready and node.version.removeprefix("v") == version:
                return
            if time.monotonic() > deadline:
                has = "isn't known" if node is None else f"is {'' if node.ready else 'not '}Ready with {node.version}"
                what = f"{name}: the node {has} after {seconds} s, and is to be Ready with v{version}"
                raise UnreachableError(problem("TEN-778", what, "mend it, then run the same command again"))
            time.sleep(_PAUSE)

    def _must(self, *words: str) -> str:
        """Ask, again where nobody answers: an API server that is restarted lets connections go."""
        for left in reversed(range(_TRIES)):
            code, said = self._run(*words, f"--request-timeout={_REQUEST_SECONDS}s", seconds=2 * _REQUEST_SECONDS)
            if not code:
                return said
            if left:
                time.sleep(_PAUSE)
        what = f"kubectl {' '.join(words[:2])} failed: {_last(said)}"
        raise UnreachableError(problem("TEN-778", what, "see that the API server is reached from here, then run again"))

    def _run(self, *words: str, seconds: int) -> tuple[int, str]:
        """Run kubectl, and give its code and what it printed: of what failed, its errors."""
        try:
            done = subprocess.run(
                [*self._command, *words], capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return 1, f"nothing came within {seconds} s"
        return done.returncode, done.stderr if done.returncode else done.stdout


def _node(document: Mapping[str, Any]) -> Node:
    status, spec = document.get("status", {}), document.get("spec", {})
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))
    version = status.get("nodeInfo", {}).get("kubeletVersion", "")
    return Node(document["metadata"]["name"], ready, bool(spec.get("unschedulable")), version)


def _last(said: str) -> str:
    return " ".join(said.split())[-_LONGEST_SAID:].rstrip(".") or "it says nothing"
