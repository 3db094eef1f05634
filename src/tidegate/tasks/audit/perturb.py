"""What an audit does to a table: which columns it perturbs, as which arrays, and how it names a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.data.time.zones import to_local
from tidegate.evaluate.leaks.audit import Finding, copied_target
from tidegate.evaluate.leaks.perturb import perturb
from tidegate.tasks.resample.folds import Clock


def copied(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays that a pipeline may write into."""
    return {name: np.array(values) for name, values in columns.items()}


def copies(table: Table, horizon: int) -> list[Finding]:
    """Known-ahead columns that are the target itself."""
    found = []
    series = np.repeat(np.arange(len(table.ids)), table.lengths)
    for name in table.schema.known:
        for target in table.schema.targets if table.numeric(name) else ():
            shift = copied_target(table.columns[target], table.columns[name], series, horizon)
            if shift is not None:
                found.append(Finding("copy", values={"column": name, "target": target, "shift": shift}))
                break
    return found


def perturbed_names(table: Table) -> tuple[str, ...]:
    """Columns whose later values nobody may know: targets and observed covariates."""
    known = set(table.schema.known)
    return tuple(name for name in (*table.schema.targets, *table.schema.observed) if name not in known)


def perturbed(table: Table, names: Sequence[str], rows: NDArray[np.bool_], kind: str, seed: int) -> Table:
    """A table with some columns perturbed in some rows."""
    return replace(table, columns=perturb(table.columns, names, rows, kind, seed))


def as_columns(table: Table, clock: Clock) -> dict[str, Any]:
    """Time, series, columns and static covariates, row by row, as a pipeline of the user's own gets them."""
    schema = table.schema
    columns: dict[str, Any] = {schema.time or "row": table.time if schema.time is not None else clock.places}
    series = np.repeat(np.arange(len(table.ids)), table.lengths)
    columns |= table.named(series)
    columns |= table.columns
    return {**columns, **{name: values[series] for name, values in table.static.items()}}


def show_time(table: Table, moment: Any) -> str:
    """A time of the table on its clock, for people."""
    if not isinstance(moment, np.datetime64):
        return str(moment)
    if table.timezone is not None:
        moment = to_local(np.array([moment]), table.timezone)[0]
    text = str(moment.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(":00")
