"""Translator: from a text to a text."""
