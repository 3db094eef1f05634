"""Labels and numbers for sequences with numpy alone."""
