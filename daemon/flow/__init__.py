"""The way of a post, step by step: poll, wants, generate, upload."""
