"""The pages of a classifier or regressor."""
