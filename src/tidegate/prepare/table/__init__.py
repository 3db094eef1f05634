"""Preparation of tables."""
