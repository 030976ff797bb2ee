"""A bundle: every file that the hosts of an inventory need offline, in one archive with a signed manifest."""
