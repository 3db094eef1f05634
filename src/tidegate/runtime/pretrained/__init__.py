"""The pretrained forecaster: what it reads of a series, its network in numpy, and forecasts without training."""
