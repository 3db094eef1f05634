"""The table that a task learns from or looks at, for tasks of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data import read
from tidegate.tasks.estimator import FitCall
from tidegate.tasks.options import READING


def as_table(data: Any, how: Mapping[str, Any], **usual: Any) -> Table:
    """The data as a table: read with some options over the `usual` ones, or given as one.

    Raises:
        ConfigError: a table with options of reading besides. DataError, SchemaError: as of `tidegate.read`.
    """
    if not isinstance(data, Table):
        return read(data, **{**usual, **how})
    named = [name for name, value in how.items() if value]
    if named:
        raise ConfigError(
            tr("{named}: the data is a Table already; give these to tidegate.read()", named=", ".join(named))
        )
    return data


def own_table(model: Any, data: Any, how: Mapping[str, Any]) -> Table:
    """The data as a table; the one that a model was fitted on where none is given.

    Raises:
        ConfigError: neither is there, or as of `as_table`.
    """
    if data is not None:
        return as_table(data, how)
    if not hasattr(model, "fitted_"):
        message = (
            "give data: a path, a frame, an array or a Table; only a fitted model, or one of tidegate.open_run(), has "
            "its own"
        )
        raise ConfigError(tr(message))
    table: Table = model.fitted_.table
    return table


def reading_of(call: FitCall) -> dict[str, Any]:
    """The options of reading that new rows are read with too."""
    return {name: value for name, value in call.read_with().items() if name in READING and value is not None}
