"""The table of a fit, for tasks that learn from tables."""

from __future__ import annotations

from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.data import read
from tidegate.tasks.estimator import FitCall
from tidegate.tasks.options import READING


def table_of(call: FitCall, **usual: Any) -> Table:
    """The data as a table: read with the call's options over the `usual` ones, or given as one.

    Raises:
        ConfigError: a table with columns named besides. DataError, SchemaError: as of `tidegate.read`.
    """
    how = {**call.columns, **call.reading}
    named = [name for name, value in how.items() if value]
    if not isinstance(call.data, Table):
        return read(call.data, **{**usual, **how})
    if named:
        raise ConfigError(f"{', '.join(named)}: the data is a Table already; give these to tidegate.read()")
    return call.data


def reading_of(call: FitCall) -> dict[str, Any]:
    """The options of reading that new rows are read with too."""
    return {name: value for name, value in call.read_with().items() if name in READING and value is not None}
