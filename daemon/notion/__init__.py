"""Notion's API: the only code that talks to Notion."""
