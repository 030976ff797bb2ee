"""Thin Pulumi components that register what was rendered and judged before: nothing is decided here."""

from tenantry.components.tenant import TenantEnvironment

__all__ = ["TenantEnvironment"]
