"""A pipeline of the user's own as stages that can be compared: a function, or an object that fits and predicts."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.evaluate.leaks.audit import Locate, Place, Stage, part_name
from tidegate.evaluate.leaks.perturb import Difference
from tidegate.tasks.audit.perturb import show_time

Columns = dict[str, NDArray[Any]]


@runtime_checkable
class FitsAndPredicts(Protocol):
    """An estimator as `tidegate.audit` takes it.

    `fit` learns from rows before the cutoff; attributes that end in an underscore are what it learned. `predict`
    forecasts from the cutoff on. If present, `transform(columns)` gives the prepared inputs of every row, [N, ...] or
    name -> [N], and `windows(columns, cutoff)` what it is trained on.
    """

    def fit(self, columns: Columns, cutoff: Any, /) -> Any:
        """Learn from the rows before the cutoff."""
        ...

    def predict(self, columns: Columns, cutoff: Any, /) -> Any:
        """Forecast from the cutoff on."""
        ...


def fitted_copy(subject: Any, columns: Columns, cutoff: Any) -> Any:
    """An estimator fitted on the data as they are, to tell a leak of `transform` from one of `fit`; else None."""
    if not isinstance(subject, FitsAndPredicts):
        return None
    subject.fit(columns, cutoff)
    return copy.deepcopy(subject)


def stages_of(
    subject: Any, fitted: Any, columns: Columns, cutoff: Any, table: Table, later: NDArray[np.bool_]
) -> list[Stage]:
    """Run a pipeline, and take what it made as stages.

    Args:
        subject: the pipeline. fitted: what `fitted_copy` gave for it.
        columns: name -> [N], clean or perturbed. cutoff: the first time that must not be seen.
        table: the rows. later: [N], whether a row is at or after the cutoff.

    Raises:
        ConfigError: it is neither a function nor an estimator, or returns no mapping.
    """
    made: Mapping[str, Any]
    if isinstance(subject, FitsAndPredicts):
        made = _fit_and_predict(subject, fitted, columns, cutoff)
    elif callable(subject):
        made = subject(columns, cutoff)
        if not isinstance(made, Mapping) or not made:
            message = (
                "a pipeline returns a mapping of what it made before the cutoff, in the order made, such as "
                "{{'preparation': ..., 'windows': ..., 'forecasts': ...}}; got {name}"
            )
            raise ConfigError(tr(message, name=type(made).__name__))
    else:
        message = (
            "audit takes a Forecaster, a function (columns, cutoff) -> mapping, or an object with fit and predict; "
            "got {name}"
        )
        raise ConfigError(tr(message, name=type(subject).__name__))
    seen = np.flatnonzero(~later)

    def limit(values: NDArray[Any]) -> NDArray[Any]:
        return values[seen] if len(values) == len(table) else values

    return [Stage(name, plain(value), _locate(table, seen, later), limit) for name, value in made.items()]


def _fit_and_predict(subject: FitsAndPredicts, fitted: Any, columns: Columns, cutoff: Any) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if hasattr(fitted, "transform"):
        made["inputs"] = fitted.transform(columns)
    if hasattr(fitted, "windows"):
        made["training windows"] = fitted.windows(columns, cutoff)
    subject.fit(columns, cutoff)
    made["fitted state"] = learned(subject)
    made["forecasts"] = subject.predict(columns, cutoff)
    return {name: value for name, value in made.items() if not (isinstance(value, dict) and not value)}


def learned(estimator: Any) -> dict[str, Any]:
    """Attributes of an estimator that end in an underscore, as scikit-learn names what was learned."""
    found = getattr(estimator, "__dict__", {})
    return {name: plain(value) for name, value in found.items() if name.endswith("_") and not name.startswith("_")}


def plain(value: Any) -> Any:
    """Values that can be compared: frames and series as arrays, estimators as what they learned."""
    if value is None or isinstance(value, (str, bytes, bool, int, float, np.ndarray, np.generic)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        return {str(name): np.asarray(value[name]) for name in value.columns}
    value = value.detach().cpu() if hasattr(value, "detach") else value
    convertible = hasattr(value, "to_numpy") or hasattr(value, "__array__")
    return np.asarray(value) if convertible else learned(value)


def _locate(table: Table, seen: NDArray[np.int64], later: NDArray[np.bool_]) -> Locate:
    """Place of a difference: the row's time where the array has one value per row, else its position."""

    def locate(found: Difference) -> Place:
        column = next((name for name in reversed(found.path) if name in table.columns), "")
        part = part_name(found)
        row = int(seen[found.index[0]]) if found.index and found.rows == len(seen) else None
        if row is None:
            return Place(column=column, part=part)
        group = int(np.searchsorted(table.starts, row, side="right") - 1)
        end = int(table.starts[group] + np.sum(~later[table.starts[group] : table.starts[group + 1]]))
        return Place(column or part, table.ids[group], show_time(table, table.time[row]), end - row)

    return locate
