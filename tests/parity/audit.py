"""What a server writes to its audit log: the annotations of policies, and what bindings only want recorded."""

import time
from pathlib import Path

import orjson

_FAILURES = "validation.policy.admission.k8s.io/validation_failure"
_PATIENCE_SECONDS = 5


class AuditLog:
    """An API server's audit log, read from where it ended when this was made."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, path.stat().st_size
        self._entries: dict[str, dict[str, str]] = {}

    def find(self, audit_id: str) -> dict[str, str]:
        """The annotations of one request; the log is written a moment after the answer."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while audit_id not in self._entries:
            assert time.monotonic() < ends, f"the audit log has no {audit_id}"
            self._read()
        return self._entries.pop(audit_id)

    def _read(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._at)
            text = file.read()
        whole, end, _ = text.rpartition(b"\n")
        self._at += len(whole) + len(end)
        for line in whole.splitlines():
            entry = orjson.loads(line)
            self._entries[entry["auditID"]] = entry.get("annotations", {})
        if not whole:
            time.sleep(0.005)


def read_failures(annotations: dict[str, str]) -> list[tuple[str, str, str]]:
    """Policy, binding and message of each failure that was recorded."""
    return [(one["policy"], one["binding"], one["message"]) for one in orjson.loads(annotations.get(_FAILURES, "[]"))]
