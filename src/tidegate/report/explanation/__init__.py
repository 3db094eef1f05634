"""The page that explains a prediction, whatever its task."""
