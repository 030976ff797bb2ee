"""The contract: reads YAML, validates it, and returns frozen values, or every problem of every file at once."""
