"""Translators without torch."""
