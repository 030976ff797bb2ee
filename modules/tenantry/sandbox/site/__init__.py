"""What one site of the sandbox is made of: certificates, settings, servers, the token issuer, its first objects."""
