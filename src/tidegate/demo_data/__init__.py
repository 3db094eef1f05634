"""Hourly traffic on Interstate 94, packaged for `tidegate demo`; SOURCE.md beside this file tells where it is from."""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """Where the packaged CSV lies: hourly, July 2015 to September 2018, with the dirt it was published with.

    >>> path().name
    'metro_traffic.csv.gz'
    """
    return Path(__file__).with_name("metro_traffic.csv.gz")
