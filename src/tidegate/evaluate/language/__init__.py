"""Scores of a language model beside n-grams', and the verdict."""
