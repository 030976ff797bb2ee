"""Prepares a site's machines by playbooks: reads their inventory, runs Ansible, and tells what came of each host."""
