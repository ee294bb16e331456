"""Image to Notion: upload and attach it, and send the pending page writes."""
