"""Image services, one small file a kind.  No jobs, no Notion, no database here."""
