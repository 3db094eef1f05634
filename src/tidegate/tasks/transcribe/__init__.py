"""Transcriber: what is said in a recording."""
