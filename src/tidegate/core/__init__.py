"""Errors, tables, messages: what every layer stands on."""
