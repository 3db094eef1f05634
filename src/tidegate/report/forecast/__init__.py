"""The pages of a forecaster."""
