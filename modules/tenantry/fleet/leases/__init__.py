"""Leases: how far each is, who is told of it, and the end of a tenant whose grace is over."""
