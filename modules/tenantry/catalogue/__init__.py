"""The catalogue of what departments publish or share by grants: pure, from tenants to JSON-LD and a page."""
