"""Whether what comes in, what goes out and how wrong it is are still as they were when a model was fitted."""
