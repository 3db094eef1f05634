"""Several trainings of one problem, of which the validation part chooses: presets, a time limit, a search."""
