"""Upgrades of hosts, one at a time: what is refused, in which order, and how a run that was cut off goes on."""
