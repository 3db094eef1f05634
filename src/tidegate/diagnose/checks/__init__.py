"""The checks: each looks at a case and its measurements and returns findings."""
