"""Each task behind a server: what a body means to it, and what it answers."""
