"""The end of a tenant: what stands in its way, its steps, what proves them, and the certificate."""
