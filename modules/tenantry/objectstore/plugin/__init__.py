"""The provider as a process that Pulumi starts and calls."""
