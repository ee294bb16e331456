"""Jobs: inputs, life cycle, retry policy, budget and actions of people."""
