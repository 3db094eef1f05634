"""The cells of a column: text to numbers, and values that cannot be learned from."""
