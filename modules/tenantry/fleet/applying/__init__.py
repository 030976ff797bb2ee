"""Brings tenants to what their requests say, or to their end, several at once."""
