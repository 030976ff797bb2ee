"""Certificates of a site's hosts: who signs them, whom they are for, and when they are made anew."""
