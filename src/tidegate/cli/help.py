"""Help in the reader's language, none of it cut off."""

from __future__ import annotations

from typing import Any

from typer import rich_utils

from tidegate.core.translate import tr


def prepare_help() -> None:
    """Translate what typer itself writes, and let a text without blanks break anywhere, as Chinese does."""
    rich_utils.ARGUMENTS_PANEL_TITLE = tr("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = tr("Options")
    rich_utils.COMMANDS_PANEL_TITLE = tr("Commands")
    rich_utils.ERRORS_PANEL_TITLE = tr("error")
    rich_utils.REQUIRED_LONG_STRING = tr("[required]")
    rich_utils.DEFAULT_STRING = tr("[default: {}]")
    made = rich_utils._make_rich_text
    if getattr(made, "folds", False):
        return

    def folding(**how: Any) -> Any:
        text: Any = made(**how)
        text.overflow = "fold"
        return text

    folding.folds = True  # type: ignore[attr-defined]
    rich_utils._make_rich_text = folding
