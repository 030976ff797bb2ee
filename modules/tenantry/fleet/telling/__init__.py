"""What is told of tenants and changes nothing of theirs: plans, reach, usage, the catalogue."""
