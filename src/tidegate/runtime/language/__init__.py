"""Text with numpy alone: what comes next, what was surprising, and where a text was copied from."""
