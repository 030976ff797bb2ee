"""What lies in buckets: exported, held, deleted, published and counted."""
