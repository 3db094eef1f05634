"""Estimators that a user holds: fit, predict, evaluate, save."""
