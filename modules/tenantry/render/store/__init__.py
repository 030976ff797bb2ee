"""What a tenant has in the object store: buckets, and the identities that reach them."""
