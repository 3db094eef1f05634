"""Forecasts without training: the pretrained network on a user's table, and how it did on the table's own end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data import read
from tidegate.data.emit import local_time, to_frame
from tidegate.data.future import Ahead, cut_future, read_future, take_future
from tidegate.runtime.forecast.decode import Forecast
from tidegate.runtime.forecast.ends import SeriesForecast
from tidegate.runtime.forecast.model import LONGEST_HORIZON
from tidegate.runtime.pretrained.forecast import SHORTEST
from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import LEVELS, Network, load_network, read_card
from tidegate.tasks.forecast.frame import check_names, forecast_columns
from tidegate.tasks.forecast.small.effects import explained, without
from tidegate.tasks.forecast.small.self_check import FEW, JUDGED, ORIGINS, Check, backtest, blended, check_end

Array = NDArray[np.float64]

UNUSED = "The pretrained forecaster looks at the targets alone: {names} not used."
EFFECTS = "A regression of each series on {names} stands beside the pretrained forecaster: it helps {count} of {total}."


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
    data: Any,
    *,
    horizon: int | None = None,
    future: Any = None,
    adapt: bool = True,
    check: bool = True,
    fine_tune: bool = False,
    **reading: Any,
) -> ZeroShot:
    """Forecast the rows after the end of every series with the pretrained network: no training, no torch.

    Args:
        data: a path, a dataframe, an array, or a `Table`; series of 8 observed rows or more, any frequency.
        horizon: rows to forecast, K; 12 months, 8 quarters, 13 weeks, 7 days, a day of hours or less if None.
        future: known-ahead covariates of these rows. Rows at the end of the data that have no target do as well; a
            regression of each series adds what they do, where they helped on its later rows.
        adapt: lean on the simple methods that did well on the end of the series. Each series' own, up to 20 series;
            what did well on a sample of them, where there are more.
        check: judge the forecasts of the end of the series, beside simple methods.
        fine_tune: train the network on with the series first, as far as that helps on their later rows (needs torch).
            The last five horizons, which the check looks at, are not learned from.
        reading: options of `tidegate.read` (time, target, series, wide, repair, ...).

    Returns:
        `ZeroShot`: `frame()` has the forecasts, `check` the verdict.

    Raises:
        ConfigError: a horizon below 1 or above 65,536. SchemaError: covariates are lacking for it.
        SplitError: too few rows are left to fine-tune on.
        DataError: a series with fewer than 8 observed rows.
        TidegateError: the data cannot be read.

    >>> import numpy as np
    >>> found = forecast(np.tile([10.0, 12.0, 15.0, 11.0], 12), horizon=4)
    >>> [round(float(value)) for value in found.columns()["mean"]]
    [10, 12, 15, 11]
    """
    if horizon is not None and not 1 <= horizon <= LONGEST_HORIZON:
        message = "horizon is {horizon}; set it to a number of rows from 1 to {longest_horizon}"
        raise ConfigError(tr(message, horizon=horizon, longest_horizon=LONGEST_HORIZON))
    if isinstance(data, Table) and reading:
        raise ConfigError(
            tr("{reading}: the data is a Table already; give these to tidegate.read()", reading=", ".join(reading))
        )
    table = data if isinstance(data, Table) else read(data, check=False, **reading)
    horizon = table.frequency.horizon() if horizon is None else horizon
    check_names(table.schema, LEVELS)
    table, ahead = _ahead(table, future, horizon)
    targets = table.schema.targets
    series, names, notes = [], [], list(ahead.notes)
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
    network, looked_at = load_network(), ORIGINS
    if fine_tune:
        network, looked_at = _tuned(table, horizon, notes), JUDGED
    adds, judged, used = None, series, _numeric(table)
    if ahead.known and used:
        past = [_stacked(table.columns, used, slice(a, b)) for a, b in table.rows() for _ in targets]
        cycles = [max((m for m in hints if 3 * m <= len(x)), default=1) for x in past]
        judged, _ = without(series, past, cycles, looked_at * horizon)  # what judges has not seen the rows it judges
        series, weights = without(series, past, cycles)
        coming = [_stacked(ahead.known, used, g) for g in range(len(table.ids)) for _ in targets]
        adds = np.stack([explained(x, each) for x, each in zip(coming, weights, strict=True)])
        helped = sum(each is not None for each in weights)
        notes.append(Note("effects", EFFECTS, {"names": ", ".join(used), "count": helped, "total": len(series)}))
    answer = run(network, series, horizon, hints)
    tested = backtest(network, judged, horizon, hints, looked_at) if adapt or check else None
    found = answer.quantiles
    if tested is not None and adapt:
        own = np.arange(len(series)) if len(series) <= FEW else np.zeros(len(series), np.int64)
        found = blended(answer, tested.shares()[own], tested.widths()[own])
    found = found if adds is None else found + adds[:, :, None]
    G, C, K = len(table.ids), len(targets), horizon
    quantiles = found.reshape(G, C, K, len(LEVELS)).transpose(0, 2, 1, 3)
    forecasts = Forecast(quantiles[..., LEVELS.index(0.5)], quantiles, LEVELS)
    later = table.tail(1).extend(K)
    time = later.time[(later.starts[1:] - K)[:, None] + np.arange(K)]
    seasons = {name: tuple(int(m) for m in own if m > 1) for name, own in zip(names, answer.seasons, strict=True)}
    return ZeroShot(
        table=table,
        found=SeriesForecast(table.ids, time, targets, forecasts),
        seasons=seasons,
        check=check_end(tested, horizon, adapt) if tested is not None and check else Check("unasked"),
        version=str(read_card()["version"]),
        notes=(*table.notes, *notes, *_unused(table, used if ahead.known else ())),
        like=None if isinstance(data, Table) else data,
    )


def _tuned(table: Table, horizon: int, notes: list[Note]) -> Network:
    """The network trained on with all rows but those that a check looks at; what came of it is added to the notes."""
    from tidegate.tasks.forecast.estimator import Forecaster

    model = Forecaster(horizon=horizon, pretrained="fine-tune").fit(table, test=JUDGED * horizon, progress=False)
    notes += [note for note in model.notes_ if note.kind == "fine-tuned"]
    found: Network | None = model.decoding_.tuned
    return found or load_network()


def _ahead(table: Table, future: Any, horizon: int) -> tuple[Table, Ahead]:
    """The rows that have happened, and what is known of the next ones; nothing where nothing was said of them."""
    if future is not None:
        return table, read_future(future, table, table.schema.known, horizon)
    past, counts = cut_future(table)
    return past, take_future(table, past, counts, horizon) if counts.any() else Ahead()


def _numeric(table: Table) -> list[str]:
    return [name for name in table.schema.known if table.numeric(name)]


def _stacked(columns: Mapping[str, Any], names: Sequence[str], rows: Any) -> Array:
    """Columns side by side, [N, F]."""
    return np.stack([np.asarray(columns[name][rows], dtype=np.float64) for name in names], axis=1)


def _unused(table: Table, used: Sequence[str]) -> list[Note]:
    names = [*table.schema.known, *table.schema.observed, *table.schema.static]
    names = [name for name in names if name not in used]
    return [Note("unused", UNUSED, {"names": ", ".join(names)})] if names else []
