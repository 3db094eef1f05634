"""The pages of a language model."""
