"""A prepared table with blank rows ahead: a stream writes its next row into it, and nothing is prepared anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.prepare.table.prepared import Prepared

SPARE = 64  # rows that a tape takes in before a new one is made


class Tape:
    """The last rows of one series, prepared, and room for the next ones.

    Made only where a row's place and inputs do not depend on the rows after it: no gap, numbers only, none of them
    known ahead, steps of one length. What it gives is then, bit for bit, what the whole way from a table gives.

    Args:
        model: has `spec`, `decoding`, `preparation` and `rows`. table: its rows so far, of one series.
    """

    def __init__(self, model: Any, table: Table) -> None:
        self.model, self.count = model, len(table)
        self.full = table.extend(SPARE + model.decoding.horizon)
        self.prepared: Prepared = model.preparation.apply(self.full)

    @classmethod
    def of(cls, model: Any, table: Table) -> Tape | None:
        """A tape of a table; None where each row has to be prepared with all others."""
        numbers = all(values.dtype.kind == "f" and not np.isnan(values).any() for values in table.columns.values())
        even = table.frequency.microseconds is not None or table.time.dtype.kind != "M"
        if not numbers or not even or not table.continues or table.schema.known:
            return None
        return cls(model, table)

    @property
    def table(self) -> Table:
        """The rows so far, as many as a forecast can depend on."""
        rows = slice(max(self.count - self.model.rows, 0), self.count)
        return self.full.cut(np.zeros(1, np.int64), rows, np.array([rows.stop - rows.start]))

    @property
    def last(self) -> Any:
        """The time of the last row."""
        return self.full.time[self.count - 1]

    def take(self, row: Mapping[str, NDArray[Any]]) -> bool:
        """Write one row, name -> [1, 1]; False, and nothing is written, where it needs more than that."""
        if self.count + self.model.decoding.horizon >= len(self.full) or len(row) != len(self.full.columns):
            return False
        if not self.prepared.write_row(self.count, {name: float(values[0, 0]) for name, values in row.items()}):
            return False
        self.count += 1
        return True

    def back(self) -> None:
        """As if the last row had never come."""
        self.count -= 1
        self.prepared.memory.clear()
