"""The artifact format: what a network is, and reading and writing trained models."""
