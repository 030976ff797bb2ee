"""The rules that a schema can't say: of one tenant, of all tenants together, of waivers and grants."""
