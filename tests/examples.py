"""Documents that tests start from, as plain data and as YAML."""

from pathlib import Path

MINIMAL = """\
apiVersion: tenantry.dev/v1
kind: Tenant
metadata:
  name: vaccine-records
spec:
  id: t-4f9x2k7q
  department: department-north
  template: service
  environment: prod
  classification: restricted
"""
APPROVALS = """\
  approvals:
    - {by: owner@gov.example, role: owner, on: 2026-08-01, reference: CHG-1}
    - {by: security@gov.example, role: security, on: 2026-08-01, reference: CHG-1}
"""
"""What of approvals the ten lines need where policies judge them, too."""


def minimal(name: str = "vaccine-records", **spec: object) -> dict[str, object]:
    """Make the ten lines as data, with more or other properties of the spec."""
    base = {
        "id": "t-4f9x2k7q",
        "department": "department-north",
        "template": "service",
        "environment": "prod",
        "classification": "restricted",
    }
    return {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "metadata": {"name": name}, "spec": {**base, **spec}}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a file and give its path."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
