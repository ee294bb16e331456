"""Maintenance of a data folder: prune, backup, verify."""
