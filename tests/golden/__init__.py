"""What tenantry makes of the least that a department can write, for each template and each classification."""
