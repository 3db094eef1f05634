"""Judging labels and numbers said of whole sequences or of their steps: metrics, calibration, baselines, verdict."""
