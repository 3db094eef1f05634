"""A forecaster's windows in the form that `tidegate.explain` works on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Note, Table
from tidegate.core.translate import tr
from tidegate.data.emit import local_time
from tidegate.data.time.zones import to_utc
from tidegate.data.windows import Windows
from tidegate.data.windows import windows as part_windows
from tidegate.evaluate.forecast import metrics
from tidegate.explain import Case, Explanation, Inputs, Layout, explain
from tidegate.explain.groups import standard
from tidegate.prepare import Preparation, Prepared
from tidegate.prepare.table.calendar import HOLIDAY_NAMES
from tidegate.prepare.table.fitted import NumberState
from tidegate.runtime.forecast.decode import BATCH, beside, decode, forecast
from tidegate.runtime.forecast.ends import context_rows
from tidegate.tasks.forecast.evaluate import needed_rows

METRICS = {name: getattr(metrics, name) for name in ("mae", "rmse", "mse", "mape", "smape")}
MOST_BLOCKS = 8
CALENDAR = "calendar:"  # what calendar features begin with, so that no column is taken for one


class ForecastWindows:
    """Windows of a forecaster as an `Explainable`: predictions are the point forecasts of one target, [B, K].

    Args:
        model: the forecaster. prepared: a table. origins: [M] of the windows.
        background: windows [R]; None takes the windows themselves.
        metric: of actual and forecast [M, K], smaller is better. channel: place of the target.
    """

    def __init__(
        self,
        model: Any,
        prepared: Prepared,
        origins: NDArray[np.int64],
        background: Inputs | None,
        metric: Any,
        channel: int,
    ) -> None:
        self.model, self.prepared, self.origins = model, prepared, origins
        self.metric, self.channel = metric, channel
        self.spec, self.decoding = model.spec_, model.decoding_
        self.weights: Mapping[str, NDArray[np.float32]] = _weights(model)
        self.layout = make_layout(model.preparation_, self.spec.window, self.decoding.horizon)
        self.windows = Inputs(
            prepared.past(origins, self.spec.window),
            prepared.future(origins, self.decoding.horizon),
            prepared.static(origins),
        )
        self.background = self.windows if background is None else background
        # What the pretrained one predicts stands, whatever is changed in a window: the network is what is explained.
        self.other = None if self.decoding.mixture is None else beside(self.decoding, prepared, origins)

    def predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Point forecasts in the target's unit, [B, K]."""
        parts = [
            self._predict(inputs.take(slice(first, first + BATCH)), rows[first : first + BATCH])
            for first in range(0, len(rows), BATCH)
        ]
        return np.concatenate(parts)

    def _predict(self, inputs: Inputs, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        other = None if self.other is None else self.other[rows]
        values = decode(self.model.run_, self.spec, self.decoding, *inputs, other)
        point = values[..., 0] if self.decoding.point else np.sort(values, axis=3)[..., self.decoding.middle]
        return self.prepared.invert(point, self.origins[rows])[..., self.channel]

    def score(self, predictions: NDArray[np.float64], rows: NDArray[np.int64]) -> float:
        """The metric over all steps."""
        actual = self.prepared.raw_target(self.origins[rows], self.decoding.horizon)[..., self.channel]
        return float(self.metric(actual, predictions))

    def slope(self) -> NDArray[np.float64]:
        """[K, C, O] what the mean forecast of the first window gains per unit of each prepared output.

        Exact where the target is scaled or differenced; where it is log1p-transformed, the slope at the forecast.
        """
        other = None if self.other is None else self.other[:1]
        values = decode(self.model.run_, self.spec, self.decoding, *self.windows.take(slice(0, 1)), other)
        index = 0 if self.decoding.point else self.decoding.middle
        point = values[..., index].astype(np.float64)
        count = point[0].size
        steps = np.eye(count).reshape(count, *point.shape[1:]) * 1e-3
        origins = np.repeat(self.origins[:1], count)
        change = self.prepared.invert(point + steps, origins) - self.prepared.invert(point - steps, origins)
        found = np.zeros(values.shape[1:])
        found[..., index] = (change[..., self.channel].mean(axis=1) / 2e-3).reshape(point.shape[1:])
        return found


def explain_forecast(
    model: Any,
    table: Table,
    *,
    at: Any = None,
    series: str | None = None,
    target: str | None = None,
    metric: str | Callable[..., float] = "mae",
    block: int | None = None,
    sample: int = 128,
    background: int = 32,
    seed: int = 0,
) -> Explanation:
    """Explain one forecast of a table, and the model on a sample of its windows.

    Args:
        model: the forecaster. table: its rows.
        at, series: the time of the first forecast step and the series; None takes the steps after the table's end (or
            the last that are covered by known-ahead covariates), and the first series.
        target: which one to explain; None takes the first.
        metric: `mae`, `rmse`, `mse`, `mape`, `smape`, or a function of actual and forecast [M, K].
        block: steps of a block; None takes a cycle that leaves at most 8.
        sample, background: windows drawn at random. seed: of all drawing.

    Raises:
        ConfigError: an option that cannot work. DataError: there is no such forecast in the table.
    """
    if isinstance(metric, str) and metric not in METRICS:
        raise ConfigError(
            tr("metric is one of {metrics}, or a function; got {metric!r}", metrics=", ".join(METRICS), metric=metric)
        )
    for name, value in (("sample", sample), ("background", background)):
        if value < 2:
            raise ConfigError(tr("{name}={value}: at least 2 windows are needed", name=name, value=value))
    names = model.preparation_.target_names
    if target is not None and target not in names:
        raise ConfigError(
            tr("target {target!r} is not forecast; the model has {names}", target=target, names=", ".join(names))
        )
    channel = 0 if target is None else names.index(target)
    measure = METRICS[metric] if isinstance(metric, str) else metric
    small, origin, name = find_case(model, table, at, series)
    spec, decoding = model.spec_, model.decoding_
    fitted: Any = getattr(model, "fitted_", None)
    known = fitted is not None and fitted.table is table
    prepared = fitted.prepared if known else model.preparation_.apply(table)
    part = "test" if known and fitted.split.rows("test") else "all"
    pool, whole = _pool(model, table, part), _pool(model, table, "train" if known else "all")
    if not len(whole):
        message = (
            "no series has {needed_rows} rows and {horizon} after them: there is nothing to put in the place of an "
            "input; give more rows as data"
        )
        raise DataError(tr(message, needed_rows=needed_rows(model), horizon=decoding.horizon))
    generator = np.random.default_rng(seed)
    drawn = ForecastWindows(model, prepared, draw(whole, background, generator), None, measure, channel)
    own = model.preparation_.apply(small)
    one = ForecastWindows(model, own, np.array([origin]), drawn.windows, measure, channel)
    scored = _observed(prepared, draw(pool, sample, generator), decoding.horizon, channel)
    many = ForecastWindows(model, prepared, scored, drawn.windows, measure, channel)
    seasons = tuple(sorted(set(table.frequency.seasons()[:2]) | set(getattr(spec.layers[-1], "lags", ()))))
    block = choose_block(spec.window, seasons) if block is None else block
    if not 1 <= block <= spec.window:
        raise ConfigError(
            tr("block={block} lies between 1 and the window of {window} steps", block=block, window=spec.window)
        )
    notes = (
        Note(
            "sample",
            "The model as a whole was judged on {count} windows drawn at random from {all}.",
            {"count": f"{len(many.origins):,}", "all": f"{len(pool):,}"},
        ),
        Note(
            "background",
            "An input that is taken away is replaced by what {count} other windows had in its place.",
            {"count": f"{len(drawn.origins):,}"},
        ),
    )
    return explain(
        one,
        standard(one.layout, block),
        _case(one, small, name, seasons),
        sample=many,
        metric=metric if isinstance(metric, str) else getattr(metric, "__name__", "metric"),
        slope=one.slope(),
        inside=True,
        seed=seed,
        notes=notes,
    )


def find_case(model: Any, table: Table, at: Any, series: str | None) -> tuple[Table, int, str]:
    """The rows around one forecast, as a table of its own; the origin in it; the series' name.

    Raises:
        ConfigError: an unknown series. DataError: the time is not in the table, or too near to its ends.
    """
    horizon, need = model.decoding_.horizon, needed_rows(model)
    if series is not None and series not in table.ids:
        raise ConfigError(
            tr("series {number!r} is not in the data; it has {ids}", number=series, ids=", ".join(table.ids[:5]))
        )
    index = 0 if series is None else table.ids.index(series)
    first, end = (int(row) for row in table.starts[index : index + 2])
    ahead = model.preparation_.schema.known
    if at is None:
        origin = end - horizon if ahead else end
    else:
        origin = first + int(np.searchsorted(table.time[first:end], moment(table, at)))
    last = end - horizon if ahead else end
    wrong = at is not None and origin < end and table.time[origin] != moment(table, at)
    after = at is not None and origin == end and end > first and moment(table, at) != table.tail(1).extend(1).time[
        2 * index + 1
    ]  # fmt: skip
    if wrong or after or not first + need <= origin <= last:
        low, high = first + need, min(last, end - 1)
        span = f"from {clock(table, low)} to {clock(table, high)}" if low <= high else "none: the data are too short"
        when = "the end of the data" if at is None else at
        message = (
            "no forecast can be explained at {when}: the first forecast step must be a row of the data with {need} "
            "rows before it{ahead} ({span}); name a time in that range, or give other data"
        )
        raise DataError(
            tr(
                message,
                when=when,
                need=need,
                ahead=tr(" and {horizon} rows of known covariates", horizon=horizon) if ahead else "",
                span=span,
            )
        )
    begin = max(first, origin - context_rows(model.spec_, model.preparation_, model.decoding_))
    stop = min(end, origin + horizon)
    small = replace(
        table,
        ids=(table.ids[index],),
        starts=np.array([0, stop - begin], dtype=np.int64),
        time=table.time[begin:stop],
        columns={name: values[begin:stop] for name, values in table.columns.items()},
        static={name: values[index : index + 1] for name, values in table.static.items()},
        keys={name: values[index : index + 1] for name, values in table.keys.items()},
    )
    short = origin + horizon - stop
    return (small.extend(short) if short else small), origin - begin, table.ids[index]


def moment(table: Table, at: Any) -> Any:
    """A time as the table counts it: UTC where it has a time zone, a number where rows are only counted.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        if table.time.dtype.kind != "M":
            return int(at)
        value = np.datetime64(at, "us")
    except (TypeError, ValueError) as error:
        kind = "a time such as 2018-07-03T18:00" if table.time.dtype.kind == "M" else "a row number"
        raise ConfigError(tr("at={at!r} is not {kind}", at=at, kind=kind)) from error
    return to_utc(np.array([value]), table.timezone)[0][0] if table.timezone is not None else value


def make_layout(preparation: Preparation, window: int, horizon: int) -> Layout:
    """Which column, or calendar feature, each channel of a prepared window belongs to."""
    columns = {channel: state.name for state in preparation.columns for channel in _channels(state)}
    columns |= {
        name: CALENDAR + ("holiday" if name in HOLIDAY_NAMES else name.partition(":")[0])
        for name in preparation.calendar_names
    }
    masks = {f"{s.name}:missing": s.name for s in preparation.columns if isinstance(s, NumberState) and s.mask}
    columns |= {name: column for name, column in masks.items() if name not in columns}
    static = tuple(state.name for state in preparation.statics for _ in _channels(state))
    return Layout(
        window,
        horizon,
        tuple(columns[name] for name in preparation.past_names),
        tuple(columns[name] for name in preparation.future_names),
        static,
    )


def _channels(state: Any) -> tuple[str, ...]:
    if isinstance(state, NumberState):
        return (f"{state.name}:level",) if state.role == "level" else (state.name,)
    return tuple(state.names)


def choose_block(window: int, seasons: tuple[int, ...]) -> int:
    """Steps of a block: the shortest cycle, doubled until at most 8 fit the window; an eighth of it without cycles."""
    block = min((season for season in seasons if season < window), default=-(-window // MOST_BLOCKS))
    while window > block * MOST_BLOCKS:
        block *= 2
    return min(block, window)


def draw(pool: Windows, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Up to `count` origins at random, ascending."""
    ranks = generator.choice(len(pool), size=min(count, len(pool)), replace=False) if len(pool) else np.empty(0, int)
    return pool.origins(np.sort(ranks))


def _pool(model: Any, table: Table, part: str) -> Windows:
    rows, horizon = needed_rows(model), model.decoding_.horizon
    if part != "all":
        return part_windows(table, model.fitted_.split, part, window=rows, horizon=horizon)
    first = table.starts[:-1] + rows
    return Windows(first, np.cumsum(np.maximum(table.starts[1:] - horizon - first + 1, 0)))


def _observed(prepared: Prepared, origins: NDArray[np.int64], horizon: int, channel: int) -> NDArray[np.int64]:
    """Origins whose forecast steps were observed, at least one of them."""
    seen = np.isfinite(prepared.raw_target(origins, horizon)[..., channel]).any(axis=1)
    return np.asarray(origins[seen])


def _weights(model: Any) -> dict[str, Any]:
    if hasattr(model, "fitted_"):
        return {name: tensor.numpy() for name, tensor in model.fitted_.network.state_dict().items()}
    return dict(model.model_.weights)


def clock(table: Table, row: int) -> str:
    """When a row was, on its local clock, to the minute."""
    shown = local_time(table.time[row : row + 1], table.timezone)
    return str(shown[0].astype("datetime64[m]") if shown.dtype.kind == "M" else shown[0])


def _case(one: ForecastWindows, table: Table, series: str, seasons: tuple[int, ...]) -> Case:
    origin, channel = int(one.origins[0]), one.channel
    window, horizon = one.spec.window, one.decoding.horizon
    found = forecast(one.model.run_, one.spec, one.decoding, one.prepared, one.origins)
    times = local_time(table.time, table.timezone)
    past = slice(origin - window, origin)
    name = table.schema.targets[channel]
    return Case(
        series,
        name,
        table.frequency,
        table.timezone or "",
        times[past],
        np.asarray(table.columns[name][past], dtype=np.float64),
        times[origin : origin + horizon],
        found.mean[0, :, channel],
        one.prepared.raw_target(one.origins, horizon)[0, :, channel],
        found.quantiles[0, :, channel],
        found.levels,
        seasons,
    )
