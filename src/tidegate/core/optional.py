"""The one door for optional libraries: says what a library is for and which extra brings it."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from tidegate.core.errors import MissingExtraError
from tidegate.core.translate import tr


def available(module: str) -> bool:
    """Whether `module` can be imported, found out without importing it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def require(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional library or say how to get it.

    Args:
        module: import name, for instance "polars".
        extra: the extra of tidegate that installs it, for instance "train".
        purpose: what it is needed for, completing "X is needed to ...".

    Returns:
        The imported module.

    Raises:
        MissingExtraError: the library is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        message = (
            "{module} is needed to {purpose} and is not installed. In a clone of tidegate: pip install '.[{extra}]'"
        )
        raise MissingExtraError(tr(message, module=module, purpose=purpose, extra=extra)) from error
