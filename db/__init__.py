"""What is remembered.  Knows nothing of providers or Notion."""
