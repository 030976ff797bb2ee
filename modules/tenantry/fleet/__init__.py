"""The life of many tenants: what is asked for, what lives at the sites, and the steps that bring them together."""
