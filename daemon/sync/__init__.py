"""Notion to jobs: poll and sweep, plan what a page wants, apply the plan."""
