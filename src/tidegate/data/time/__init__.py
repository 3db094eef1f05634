"""Times: forms, zones, the step between rows, and the grid they make."""
