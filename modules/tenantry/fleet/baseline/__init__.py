"""A baseline at a site: its policies, installed as they ship, with the waivers that are in force."""
