"""Preparation of sequences."""
