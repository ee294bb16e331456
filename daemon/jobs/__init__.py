"""What a job is: life cycle, retry policy, budget, and a person's actions."""
