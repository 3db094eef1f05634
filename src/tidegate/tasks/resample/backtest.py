"""Rolling-origin backtest: the whole way from raw rows to scores, again for every fold."""

from __future__ import annotations

import json
import time as clock_time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.atomic import check_writable, write_file
from tidegate.core.errors import ConfigError, DataError, SplitError
from tidegate.core.notebook import Notebook
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.emit import local_time, to_frame
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.fold_scores import Spread, spread_over
from tidegate.evaluate.folds import Fold, make_folds
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.scores import Scores
from tidegate.evaluate.verdict import Verdict
from tidegate.tasks.resample.fold_table import Clock, FoldTable, fold_table
from tidegate.tasks.resample.store import FoldResult, read_fold, write_fold
from tidegate.tasks.verbs import require_verb

LARGEST_FRAME = 50_000_000


@dataclass(frozen=True, repr=False)
class Backtest(Notebook):
    """Forecasts and scores of every fold; print it for the table and the verdict.

    Attributes:
        table: what was forecast. folds: their results, oldest first. scores: methods over the folds.
        like: the kind of frame that `frame` makes.
    """

    table: Table
    folds: Sequence[FoldResult]
    scores: Spread
    like: Any = None

    @property
    def verdict(self) -> Verdict:
        """What to think of the model, over all folds."""
        return self.scores.verdict

    @property
    def evaluations(self) -> tuple[Evaluation, ...]:
        """The scores of each fold."""
        return tuple(fold.evaluation for fold in self.folds)

    @property
    def frame(self) -> Any:
        """One row per fold, method, window and step: series, cutoff, time, step, [target], method, prediction,
        quantiles, actual, fold. `cutoff` is the last time that a forecast could see.

        Raises:
            DataError: it would have more than 50 million rows; take `fold_frame` fold by fold.
        """
        rows = sum(fold.forecasts.size for fold in self.folds)
        if rows > LARGEST_FRAME:
            raise DataError(f"the frame of all folds has {rows:,} rows; take fold_frame(0), fold_frame(1), ... instead")
        parts = [self._columns(fold) for fold in self.folds]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return to_frame(joined, timezone=self.table.timezone, like=self.like)

    def fold_frame(self, index: int) -> Any:
        """The rows of `frame` that belong to one fold, from 0."""
        return to_frame(self._columns(self.folds[index]), timezone=self.table.timezone, like=self.like)

    def fold_columns(self, index: int) -> dict[str, Any]:
        """The same as name -> array, with times on the local clock; needs no dataframe library."""
        columns = self._columns(self.folds[index])
        return {name: local_time(values, self.table.timezone) for name, values in columns.items()}

    def _columns(self, fold: FoldResult) -> dict[str, NDArray[Any]]:
        table = self.table
        methods, windows, horizon, targets = fold.forecasts.shape
        each = windows * horizon * targets
        rows = fold.origins[:, None] + np.arange(horizon)

        def spread(values: NDArray[Any], size: int) -> NDArray[Any]:
            return np.tile(np.repeat(values, size), methods)

        named = table.named(fold.series) or {"series": np.array(table.ids, dtype=object)[fold.series]}
        columns: dict[str, NDArray[Any]] = {
            **{name: spread(values, horizon * targets) for name, values in named.items()},
            "cutoff": spread(table.time[fold.origins - 1], horizon * targets),
            table.schema.time or "time": spread(table.time[rows].reshape(-1), targets),
            "step": spread(np.tile(np.arange(1, horizon + 1, dtype=np.int32), windows), targets),
        }
        if targets > 1:
            columns["target"] = np.tile(np.array(table.schema.targets, dtype=object), methods * windows * horizon)
        columns["method"] = np.repeat(np.array(fold.methods, dtype=object), each)
        columns["prediction"] = np.asarray(fold.forecasts).reshape(-1)
        for index, level in enumerate(fold.levels):
            column = np.full(methods * each, np.nan)
            column[:each] = fold.quantiles[..., index].reshape(-1)
            columns[f"q{level:g}"] = column
        columns["actual"] = np.tile(np.asarray(fold.actual).reshape(-1), methods)
        columns["fold"] = np.full(methods * each, fold.index + 1, dtype=np.int32)
        return columns

    def __str__(self) -> str:
        return str(self.scores)

    def to_json(self) -> dict[str, Any]:
        """Scores over the folds, and those of each fold, as plain values."""
        folds = [{**fold.about, "evaluation": fold.evaluation.to_json()} for fold in self.folds]
        return {"scores": self.scores.to_json(), "folds": folds}


@dataclass(frozen=True)
class Plan:
    """How a backtest goes, checked before anything is trained."""

    folds: tuple[Fold, ...]
    gap: int
    validation: float | int
    refit: int
    stride: int
    ridge: bool

    def trained_at(self, index: int) -> int:
        """The fold whose training a fold uses."""
        return 0 if self.refit == 0 else index // self.refit * self.refit


def make_plan(model: Any, clock: Clock, how: Mapping[str, Any]) -> Plan:
    """Check the arguments of `backtest` and lay out its folds.

    Raises:
        ConfigError, SplitError: what cannot work.
    """
    refit, stride = how["refit"], how["stride"]
    if not isinstance(refit, int) or refit < 0:
        raise ConfigError(f"refit is True, False, or a number of folds to train anew after; got {refit!r}")
    if stride is not None and (isinstance(stride, bool) or not isinstance(stride, int) or stride < 1):
        raise ConfigError(f"stride is a whole number of at least 1; got {stride!r}")
    names = ("folds", "test_size", "step", "gap", "max_train_size")
    given = {name: how[name] for name in names}
    if given["test_size"] is None:
        shortest = clock.length // (given["folds"] + 1) if isinstance(given["folds"], int) and given["folds"] > 0 else 0
        given["test_size"] = max(model.horizon, shortest)
    folds = make_folds(clock.length, **given)
    size = folds[0].test[1] - folds[0].test[0]
    if size < model.horizon:
        raise SplitError(f"test_size is {size}, and a forecast has {model.horizon} steps: none fits into a fold")
    return Plan(folds, how["gap"], how["validation"], int(refit), stride or model.horizon, how["ridge"])


def backtest(
    model: Any,
    data: Any = None,
    *,
    folds: int = 5,
    test_size: int | None = None,
    step: int | None = None,
    gap: int = 0,
    max_train_size: int | None = None,
    validation: float | int = 0.1,
    refit: bool | int = True,
    stride: int | None = None,
    ridge: bool = True,
    out: str | Path | None = None,
    progress: bool | None = None,
    **reading: Any,
) -> Backtest:
    """Train and forecast again from one cutoff after the other, and score what came beside the baselines.

    Every fold goes the whole way by itself: seasons, window, preparation, network and calibration come from its own
    training part, and rows after its test part are not in its table. Series are cut at the same time.

    Args:
        model: a `Forecaster`; its options count, whether it is fitted or not. It is not changed.
        data: as for `fit`; None takes the table that it was fitted on.
        folds: how many.
        test_size: steps that each fold tests; None takes a (folds + 1)-th of the data, at least the horizon.
        step: steps from one fold's test to the next; None takes `test_size`.
        gap: steps left out between training, validation and test.
        max_train_size: steps of a training part that slides; None lets it expand.
        validation: share, or number of steps, of each training part that chooses the epoch.
        refit: False trains on the first fold alone; a number n trains at every n-th fold.
        stride: steps between two forecasts in a test part; None takes the horizon, so that each step is forecast once.
        ridge: whether ridge regression is among the baselines.
        out: folder for the folds' results; a backtest that was cut off goes on from there when it is called again.
        progress: show a progress bar; None does where there is a terminal.
        reading: columns and options of `tidegate.read`: time, target, series, known, ...

    Raises:
        ConfigError: an argument that cannot work, or `out` holds another backtest.
        SplitError: a fold has no room for a window.
    """
    require("torch", extra="train", purpose="train")
    model.check()
    require_verb(model, "backtest")
    table = table_of(model, data, reading)
    clock = Clock.of(table)
    how = {
        "folds": folds,
        "test_size": test_size,
        "step": step,
        "gap": gap,
        "max_train_size": max_train_size,
        "validation": validation,
        "refit": refit,
        "stride": stride,
        "ridge": ridge,
    }
    plan = make_plan(model, clock, how)
    place = None if out is None else Path(out)
    if place is not None:
        check_writable(place)
        _claim(place, model, table, how)
    done: list[FoldResult] = []
    trained: tuple[int, Any] = (-1, None)
    for fold in plan.folds:
        found = None if place is None else read_fold(place, fold.index)
        if found is None:
            at = plan.trained_at(fold.index)
            fresh = trained[0] != at
            if fresh:
                label = tr("fold {fold} of {folds}", fold=fold.index + 1, folds=len(plan.folds))
                trained = at, train_fold(model, table, clock, plan, plan.folds[at], progress, label)
            found = judge_fold(trained[1], table, clock, plan, plan.folds[at], fold)
            if place is not None:
                write_fold(place, found)
                found = read_fold(place, fold.index) or found  # from the disk: memory holds one fold at a time
        done.append(found)
    scores = spread_over([fold.scores() for fold in done], model.horizon)
    result = Backtest(table, tuple(done), scores, data if data is not None else getattr(model, "_like", None))
    if place is not None:
        write_file(place / "scores.json", json.dumps(result.to_json(), ensure_ascii=False, indent=1).encode())
    return result


def train_fold(
    model: Any, table: Table, clock: Clock, plan: Plan, fold: Fold, progress: bool | None = False, label: str = ""
) -> Any:
    """A forecaster with the same options, fitted on one fold's training part."""
    from tidegate.tasks.forecast import fit as fitting
    from tidegate.tasks.forecast.choices import make_choices
    from tidegate.train.progress import ProgressBar

    fresh = type(model)(**model.get_params())
    part = fold_table(table, clock, fold, fold, plan.validation, plan.gap)
    choices = make_choices(fresh, part.table, part.split.train)
    begin = clock_time.monotonic()
    with ProgressBar(progress, label=label) as bar:
        fresh._take(fitting.fit(part.table, part.split, choices, progress=bar))
    fresh.seconds_ = clock_time.monotonic() - begin
    return fresh


def judge_fold(model: Any, table: Table, clock: Clock, plan: Plan, fit: Fold, fold: Fold) -> FoldResult:
    """Forecast a fold's test part with a model that was fitted on the same or an earlier fold, and score it.

    Raises:
        SplitError: no window fits.
    """
    from tidegate.evaluate.forecast.evaluate import evaluate_forecasts
    from tidegate.evaluate.forecast.fitted import fit_baselines
    from tidegate.runtime.forecast.decode import forecast
    from tidegate.tasks.forecast.evaluate import needed_rows

    part = fold_table(table, clock, fit, fold, plan.validation, plan.gap)
    horizon, rows = model.decoding_.horizon, needed_rows(model)
    origins = part_origins(part.table, part.split, "test", window=rows, horizon=horizon, stride=plan.stride)
    if not len(origins):
        raise SplitError(
            f"fold {fold.index + 1}: no series has {rows} rows before and {horizon} in its test part; "
            "shorten window or horizon, or ask for fewer folds"
        )
    prepared = model.preparation_.apply(part.table)
    found = forecast(model.run_, model.spec_, model.decoding_, prepared, origins)
    window = model.spec_.window
    baselines = fit_baselines(part.table, part.split, prepared, window=window, horizon=horizon, ridge=plan.ridge)
    others = {name: method(origins) for name, method in baselines.methods.items()}
    baselines = replace(baselines, methods={name: partial(_known, origins, own) for name, own in others.items()})
    evaluation = evaluate_forecasts(
        part.table,
        part.split,
        prepared,
        origins,
        found.mean,
        quantiles={level: found.quantiles[..., index] for index, level in enumerate(found.levels)} or None,
        window=window,
        horizon=horizon,
        baselines=baselines,
    )
    actual = prepared.raw_target(origins, horizon)
    local = part.table.series_of(origins)
    methods = {"model": found.mean, **others}
    losses = []
    for name, values in methods.items():
        sums = Scores(horizon, baselines.scale, baselines.squared_scale, evaluation.criterion)
        sums.add(name, actual, values, local)
        losses.append(sums.window_losses())
    whole = origins + part.offset[local]
    return FoldResult(
        index=fold.index,
        methods=tuple(methods),
        levels=found.levels,
        origins=whole,
        series=part.series[local],
        positions=clock.places[whole],
        actual=actual,
        forecasts=np.stack(list(methods.values())),
        quantiles=found.quantiles,
        losses=np.stack(losses),
        evaluation=evaluation,
        walk=baselines.walk,
        about=_about(part, fit, fold, model, len(origins)),
    )


def _known(origins: NDArray[np.int64], forecasts: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Forecasts [M, K, C] of windows at `origins` [M], ascending, for some of them, so that none is made twice."""
    return np.asarray(forecasts[np.searchsorted(origins, rows)])


def _about(part: FoldTable, fit: Fold, fold: Fold, model: Any, windows: int) -> dict[str, Any]:
    about: dict[str, Any] = {
        "fold": fold.index + 1,
        "trained_at": fit.index + 1,
        "windows": windows,
        "train_seconds": model.seconds_ if fit.index == fold.index else 0.0,
    }
    for name, rows in part.split.parts.items():
        held = rows[rows[:, 1] > rows[:, 0]]
        if len(held):
            times = part.table.time
            about[f"{name}_begin"] = str(times[held[:, 0]].min())
            about[f"{name}_end"] = str(times[held[:, 1] - 1].max())
    return about


def table_of(model: Any, data: Any, reading: Mapping[str, Any]) -> Table:
    """The table to look at: the one that a model was fitted on where no data is given."""
    from tidegate.data import read

    if data is None:
        if not hasattr(model, "fitted_"):
            raise ConfigError(
                "give data: a path, a frame, an array or a Table; only a fitted model, or one of tidegate.open_run(), "
                "has its own"
            )
        table: Table = model.fitted_.table
        return table
    named = [name for name, value in reading.items() if value]
    if isinstance(data, Table) and named:
        raise ConfigError(f"{', '.join(named)}: the data is a Table already; give these to tidegate.read()")
    return data if isinstance(data, Table) else read(data, **reading)


def _claim(out: Path, model: Any, table: Table, how: Mapping[str, Any]) -> None:
    """Write down what the folder's folds are of, or refuse a folder that holds those of another backtest."""
    from tidegate.data.fingerprint import data_fingerprint
    from tidegate.tasks.run import plain

    record = plain({"model": model.get_params(), "table": data_fingerprint(table), "backtest": how})
    place = out / "backtest.json"
    if place.exists():
        try:
            before = json.loads(place.read_text(encoding="utf-8"))
        except ValueError:
            before = {}
        if before != json.loads(json.dumps(record)):
            odd = [name for name in record if before.get(name) != json.loads(json.dumps(record[name]))]
            raise ConfigError(
                f"{out} holds a backtest with another {' and '.join(odd)}; name a new folder, or delete this one"
            )
        return
    write_file(place, json.dumps(record, ensure_ascii=False, indent=1).encode())
