"""Reports of translators."""
