"""Judging alarms on a clock: events found, delay, false alarms, and what flatters."""
