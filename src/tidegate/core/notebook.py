"""Results that show themselves: a short repr, the report's tables and charts in a notebook, a plot when asked."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONGEST = 120


class Notebook:
    """A result that shows itself: written once for every kind, by the report, where pages are made.

    The report is only loaded when it is asked for, so that what is below it needs nothing of it.
    """

    __slots__ = ()

    def _repr_html_(self) -> str | None:
        """Tables and charts in the reader's language; None where there is nothing to draw: the text is shown then."""
        shown: str | None = import_module("tidegate.report.notebook").show(self)
        return shown

    def plot(self, ax: Axes | None = None) -> Axes:
        """The report's main chart of this result, drawn with matplotlib in the reader's language.

        Args:
            ax: the axes to draw on; None makes a figure of its own.

        Raises:
            MissingExtraError: matplotlib is not installed. ConfigError: nothing of the result can be drawn.
        """
        drawn: Axes = import_module("tidegate.report.axes").plot(self, ax)
        return drawn

    def __repr__(self) -> str:
        """What it is and its first line: `print` shows the whole."""
        words = self._words().strip().partition("\n")[0]
        short = words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "\u2026"
        return f"<{type(self).__name__}: {short}>" if short else f"<{type(self).__name__}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """IPython without HTML shows the text."""
        printer.text(repr(self) if cycle or type(self).__str__ is object.__str__ else str(self))

    def _words(self) -> str:
        for name in ("summary", "text", "verdict"):
            told = getattr(self, name, None)
            told = told() if callable(told) else told
            if isinstance(told, str):
                return told
        return "" if type(self).__str__ is object.__str__ else str(self)
