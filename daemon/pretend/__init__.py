"""A pretend Notion and Hugging Face: the demo and the tests use the same ones."""
