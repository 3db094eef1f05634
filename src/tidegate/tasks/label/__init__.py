"""What `Classifier` and `Regressor` share: options, network, batches, training, evaluation."""
