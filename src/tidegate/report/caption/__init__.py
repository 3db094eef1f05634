"""The report of a captioner."""
