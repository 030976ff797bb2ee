"""Checking files: requests and their like by the contract, manifests by the policies; one report of both."""

from tenantry.check.report import Report, Result, Summary
from tenantry.check.run import check_paths

__all__ = ["Report", "Result", "Summary", "check_paths"]
