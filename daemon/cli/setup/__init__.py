"""`postbrush init`: from nothing to a configuration that has been checked."""
