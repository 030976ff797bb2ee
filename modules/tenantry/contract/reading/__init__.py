"""Reads documents that others wrote: bytes to plain data with places, or problems, never a traceback."""
