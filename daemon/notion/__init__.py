"""The only door to Notion."""
