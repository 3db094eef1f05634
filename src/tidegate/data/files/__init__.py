"""Files and frames as sources of columns."""
