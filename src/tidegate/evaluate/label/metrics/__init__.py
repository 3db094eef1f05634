"""Metrics of labels and numbers: pure functions of arrays."""
