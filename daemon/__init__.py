"""The process: everything that decides or touches the world."""
