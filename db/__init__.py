"""The stored state.  This package imports nothing of the providers or of Notion."""
