"""How long preparing hosts takes, on a test host: `make bench-hosts`."""
