"""Transcriber: sound to text, with numpy alone."""
