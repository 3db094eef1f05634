"""Whether anything from behind the forecast, or out of the training part, reached a score."""
