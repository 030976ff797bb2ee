"""tenantry: a department's one-page request becomes an isolated, compliant, costed environment."""

__version__ = "0.1.0"
