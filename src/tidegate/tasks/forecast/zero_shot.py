"""Forecasts without training: the pretrained network on a user's table, and how it did on the table's own end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note, Table
from tidegate.data import read
from tidegate.data.emit import local_time, to_frame
from tidegate.runtime.forecast.decode import Forecast
from tidegate.runtime.forecast.ends import SeriesForecast
from tidegate.runtime.forecast.model import LONGEST_HORIZON
from tidegate.runtime.pretrained.forecast import SHORTEST
from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import LEVELS
from tidegate.runtime.pretrained.weights import load_network, read_card
from tidegate.tasks.forecast.frame import check_names, forecast_columns
from tidegate.tasks.forecast.small.self_check import FEW, Check, backtest, blended, check_end


@dataclass(frozen=True, repr=False)
class ZeroShot(Notebook):
    """What the pretrained forecaster predicts for a table.

    Attributes:
        table: the series it was asked about. found: the forecasts, means (the medians) and nine quantiles.
        seasons: by series (and target, where there are several), the season lengths it found; () for none.
        check: how it did on the series' own end. version: of the weights. notes: what was left out.
    """

    table: Table
    found: SeriesForecast
    seasons: Mapping[str, tuple[int, ...]]
    check: Check
    version: str
    notes: tuple[Note, ...] = ()
    like: Any = field(default=None, repr=False)

    def columns(self) -> dict[str, Any]:
        """[series,] time, [target,] mean, q0.1 to q0.9: name -> array, times on the local clock."""
        named = forecast_columns(self.found, self.table)
        return {name: local_time(values, self.table.timezone) for name, values in named.items()}

    def frame(self) -> Any:
        """The same as a frame of the kind that the data was."""
        return to_frame(forecast_columns(self.found, self.table), timezone=self.table.timezone, like=self.like)

    def __str__(self) -> str:
        return str(self.check)


def forecast(
    data: Any, *, horizon: int | None = None, adapt: bool = True, check: bool = True, **reading: Any
) -> ZeroShot:
    """Forecast the rows after the end of every series with the pretrained network: no training, no torch.

    Args:
        data: a path, a dataframe, an array, or a `Table`; series of 8 observed rows or more, any frequency.
        horizon: rows to forecast, K; 12 months, 8 quarters, 13 weeks, 7 days, a day of hours or less if None.
        adapt: lean on the simple methods that did well on the end of the series. Each series' own, up to 20 series;
            what did well on a sample of them, where there are more.
        check: judge the forecasts of the end of the series, beside simple methods.
        reading: options of `tidegate.read` (time, target, series, wide, repair, ...).

    Returns:
        `ZeroShot`: `frame()` has the forecasts, `check` the verdict.

    Raises:
        ConfigError: a horizon below 1 or above 65,536. DataError: a series with fewer than 8 observed rows.
        TidegateError: the data cannot be read.

    >>> import numpy as np
    >>> found = forecast(np.tile([10.0, 12.0, 15.0, 11.0], 12), horizon=4)
    >>> [round(float(value)) for value in found.columns()["mean"]]
    [10, 12, 15, 11]
    """
    if horizon is not None and not 1 <= horizon <= LONGEST_HORIZON:
        raise ConfigError(f"horizon is {horizon}; set it to a number of rows from 1 to {LONGEST_HORIZON}")
    if isinstance(data, Table) and reading:
        raise ConfigError(f"{', '.join(reading)}: the data is a Table already; give these to tidegate.read()")
    table = data if isinstance(data, Table) else read(data, check=False, **reading)
    horizon = table.frequency.horizon() if horizon is None else horizon
    check_names(table.schema, LEVELS)
    targets = table.schema.targets
    series, names = [], []
    for place, (first, end) in enumerate(table.rows()):
        for target in targets:
            values = np.asarray(table.columns[target][first:end], dtype=np.float64)
            seen = int(np.isfinite(values).sum())
            name = " ".join(part for part in (table.ids[place], target if len(targets) > 1 else "") if part)
            if seen < SHORTEST:
                raise DataError(
                    f"series {name!r} has {seen} observed values; a forecast needs {SHORTEST}: leave it out"
                    if name
                    else f"the series has {seen} observed values; a forecast needs {SHORTEST}"
                )
            series.append(values)
            names.append(name)
    hints = table.frequency.seasons()
    network = load_network()
    answer = run(network, series, horizon, hints)
    tested = backtest(network, series, horizon, hints) if adapt or check else None
    found = answer.quantiles
    if tested is not None and adapt:
        own = np.arange(len(series)) if len(series) <= FEW else np.zeros(len(series), np.int64)
        found = blended(answer, tested.shares()[own], tested.widths()[own])
    G, C, K = len(table.ids), len(targets), horizon
    quantiles = found.reshape(G, C, K, len(LEVELS)).transpose(0, 2, 1, 3)
    forecasts = Forecast(quantiles[..., LEVELS.index(0.5)], quantiles, LEVELS)
    ahead = table.tail(1).extend(K)
    time = ahead.time[(ahead.starts[1:] - K)[:, None] + np.arange(K)]
    seasons = {name: tuple(int(m) for m in own if m > 1) for name, own in zip(names, answer.seasons, strict=True)}
    return ZeroShot(
        table=table,
        found=SeriesForecast(table.ids, time, targets, forecasts),
        seasons=seasons,
        check=check_end(tested, horizon, adapt) if tested is not None and check else Check("unasked"),
        version=str(read_card()["version"]),
        notes=(*table.notes, *_unused(table)),
        like=None if isinstance(data, Table) else data,
    )


def _unused(table: Table) -> list[Note]:
    names = [*table.schema.known, *table.schema.observed, *table.schema.static]
    if not names:
        return []
    return [Note("unused", "The pretrained forecaster looks at the targets alone: {names} not used.",
                 {"names": ", ".join(names)})]  # fmt: skip
