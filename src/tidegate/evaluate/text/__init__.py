"""Scores of models that write: texts beside what people wrote, whatever they were made from."""
