"""`python -m tenantry` is the command line."""

from tenantry.cli import main

main()
