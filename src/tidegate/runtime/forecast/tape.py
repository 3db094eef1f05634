"""A prepared table with blank rows ahead: a stream writes its next row into it, and nothing is prepared anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.prepare.table.assemble import assemble
from tidegate.prepare.table.prepared import Origins, Prepared

SPARE = 64  # rows that a tape takes in before a new one is made
Array = NDArray[np.float32]


class Tape(Prepared):
    """The last rows of one series, prepared, and room for the next ones.

    Made only where a row's place and inputs do not depend on the rows after it: no gap, numbers only, none of them
    known ahead, steps of one length. What it gives is then, bit for bit, what the whole way from a table gives.

    Args:
        model: has `spec`, `decoding`, `preparation` and `rows`. table: its rows so far, of one series.
    """

    def __init__(self, model: Any, table: Table) -> None:
        self.model, self.count, self._begin = model, len(table), len(table)
        self.window, self.horizon = int(model.spec.window), int(model.decoding.horizon)
        full = table.extend(SPARE + self.horizon)
        super().__init__(model.preparation, full, assemble(model.preparation, full))
        origin = self.origin
        self._past = self.begun(self.count, self.window, SPARE)
        self._future = super().future(origin, SPARE + self.horizon)
        self._static = super().static(origin)

    @classmethod
    def of(cls, model: Any, table: Table) -> Tape | None:
        """A tape of a table; None where each row has to be prepared with all others."""
        numbers = all(values.dtype.kind == "f" and not np.isnan(values).any() for values in table.columns.values())
        even = table.frequency.microseconds is not None or table.time.dtype.kind != "M"
        if not numbers or not even or not table.continues or table.schema.known:
            return None
        return cls(model, table)

    @property
    def origin(self) -> Origins:
        """[1] the row of the first step to forecast, which is all that it is asked about."""
        return np.array([self.count], dtype=np.int64)

    @property
    def rows(self) -> Table:
        """The rows so far, as many as a forecast can depend on."""
        rows = slice(max(self.count - self.model.rows, 0), self.count)
        return self.table.cut(np.zeros(1, np.int64), rows, np.array([rows.stop - rows.start]))

    @property
    def last(self) -> Any:
        """The time of the last row."""
        return self.table.time[self.count - 1]

    def past(self, origins: Origins, length: int, out: Array | None = None) -> Array:
        if out is not None or self._past is None:
            return super().past(origins, length, out)
        at = self.window + self.count - self._begin
        return self._past[:, at - length : at]

    def future(self, origins: Origins, steps: int, out: Array | None = None) -> Array:
        at = self.count - self._begin
        return self._future[:, at : at + steps]

    def static(self, origins: Origins) -> Array:
        return self._static

    def take(self, row: Mapping[str, float]) -> bool:
        """Write one row, by column; False, and nothing is written, where it needs more than that."""
        at = self.window + self.count - self._begin
        if at == self.window + SPARE or len(row) != len(self.table.columns):
            return False
        if not self.write_row(self.count, row, None if self._past is None else self._past[:, at : at + 1]):
            return False
        self.count += 1
        return True

    def back(self) -> None:
        """As if the last row had never come."""
        self.count -= 1
        self.memory.clear()
