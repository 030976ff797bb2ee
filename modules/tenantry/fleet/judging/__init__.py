"""What speaks against an apply, or asks for one: policies, weakened protection, what is overdue."""
