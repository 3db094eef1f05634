"""Results that show themselves in a notebook, with the report's own tables and charts."""

from __future__ import annotations

from importlib import import_module


class Notebook:
    """A result that a notebook draws: `_repr_html_` once for every kind, written where pages are.

    The report is only loaded when a notebook asks, so that what is below it needs nothing of it.
    """

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        """Tables and charts in the reader's language; None where there is nothing to draw: the text is shown then."""
        shown: str | None = import_module("tidegate.report.notebook").show(self)
        return shown
