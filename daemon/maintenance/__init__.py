"""What keeps a data folder in order: pruning, copies, and a look at all of it."""
