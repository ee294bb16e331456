"""A pretend Notion and a pretend Hugging Face, for the demo and the tests."""
