"""The isolation matrix: what each tenant's own credentials open of everything that isn't its own (`make isolation`)."""
