"""Reads documents that others wrote: bytes to plain data with a place for every value, or problems, never a traceback."""
