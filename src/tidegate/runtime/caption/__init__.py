"""A trained captioner that needs numpy only."""
