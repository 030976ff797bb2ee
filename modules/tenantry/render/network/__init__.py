"""What of the network is open to a tenant: each connection has a policy of its own, with its reason."""
