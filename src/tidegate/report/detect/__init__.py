"""The pages of an anomaly detector."""
