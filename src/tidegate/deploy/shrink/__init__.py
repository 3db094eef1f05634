"""Forms of a trained model that are smaller or faster, each measured beside the model itself on the run's test part."""
