"""The simple methods that a classifier or regressor must beat, fitted on the training part alone."""
