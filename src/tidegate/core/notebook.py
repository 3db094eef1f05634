"""Results that show themselves: a short repr, the report's tables and charts in a notebook, a plot when asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LONGEST = 120


class Notebook:
    """A result that shows itself: written once for every kind, by the report, where pages are made.

    The package names the report's two functions here (`drawn_by`), which load it when a result is shown: what
    is below the report needs nothing of it.
    """

    __slots__ = ()
    _html: ClassVar[Callable[[Any], str | None]]
    _draw: ClassVar[Callable[[Any, Any], Any]]  # hints of results are read at run time, where Axes is not there

    @staticmethod
    def drawn_by(html: Callable[[Any], str | None], draw: Callable[[Any, Axes | None], Axes]) -> None:
        """Say what makes the HTML of a result, and what draws its main chart."""
        Notebook._html, Notebook._draw = staticmethod(html), staticmethod(draw)

    def _repr_html_(self) -> str | None:
        """Tables and charts in the reader's language; None where there is nothing to draw: the text is shown then."""
        return Notebook._html(self)

    def plot(self, ax: Axes | None = None) -> Axes:
        """The report's main chart of this result, drawn with matplotlib in the reader's language.

        Args:
            ax: the axes to draw on; None makes a figure of its own.

        Raises:
            MissingExtraError: matplotlib is not installed. ConfigError: nothing of the result can be drawn.
        """
        found: Axes = Notebook._draw(self, ax)
        return found

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
