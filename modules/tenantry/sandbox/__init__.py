"""The embedded cloud: two sites of real Kubernetes and real S3 with IAM, on loopback."""

from tenantry.sandbox.layout import SITES
from tenantry.sandbox.lifecycle import down, up
from tenantry.sandbox.status import Row, Status, status

__all__ = ["SITES", "Row", "Status", "down", "status", "up"]
