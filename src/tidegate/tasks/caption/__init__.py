"""Captioner: from a picture to a sentence."""
