"""From Notion to jobs: poll or sweep, plan the actions of a page, apply them."""
