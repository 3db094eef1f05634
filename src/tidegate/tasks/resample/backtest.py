"""Rolling-origin backtest: the whole way from raw rows to scores, again for every fold."""

from __future__ import annotations

import time as clock_time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Count, check
from tidegate.core.errors import ConfigError, SplitError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.fold_scores import spread_over
from tidegate.evaluate.forecast.scores import Scores
from tidegate.tasks.resample.alarms import AlarmBacktest
from tidegate.tasks.resample.folds import Clock, Fold, FoldTable, fold_table, held_back, make_folds
from tidegate.tasks.resample.forecasts import Backtest, FoldForecasts
from tidegate.tasks.resample.store import FoldStore
from tidegate.tasks.tables import own_table
from tidegate.tasks.verbs import require_verb


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
        ConfigError, SplitError: what cannot work; fewer folds are named where they would.
    """
    refit, stride = how["refit"], how["stride"]
    if not isinstance(refit, int) or refit < 0:
        raise ConfigError(
            tr("refit is True, False, or a number of folds to train anew after; got {refit!r}", refit=refit)
        )
    check("stride", stride, Count | None)
    check("folds", how["folds"], Count)
    try:
        folds = _lay_out(model, clock.length, how)
    except SplitError as error:
        fewer = next(
            (k for k in range(how["folds"] - 1, 0, -1) if _fits(model, clock.length, {**how, "folds": k})), None
        )
        if fewer is None:
            raise
        raise SplitError(
            tr("{error}. Of these data, {fewer} can be made (--folds)", error=error, fewer=fewer)
        ) from error
    return Plan(folds, how["gap"], how["validation"], int(refit), stride or model.horizon, how["ridge"])


def _lay_out(model: Any, length: int, how: Mapping[str, Any]) -> tuple[Fold, ...]:
    """Folds that test a forecast at least, the first of which has a window to train on beside its validation part."""
    from tidegate.tasks.forecast.choices import choose_window

    given = {name: how[name] for name in ("folds", "test_size", "step", "gap", "max_train_size")}
    if given["test_size"] is None:
        given["test_size"] = max(model.horizon, length // (given["folds"] + 1))
    folds = make_folds(length, **given)
    size, steps = folds[0].test[1] - folds[0].test[0], folds[0].train[1] - folds[0].train[0]
    if size < model.horizon:
        message = "test_size is {size}, and a forecast has {horizon} steps: none fits into a fold"
        raise SplitError(tr(message, size=size, horizon=model.horizon))
    room = steps - held_back(how["validation"], steps, model.horizon) - how["gap"]
    window = model.window or choose_window((), model.horizon, room)
    if room < window + model.horizon:
        message = (
            "{folds} folds leave the first one {room} steps to train on, fewer than one window of {window} past and "
            "{horizon} future steps"
        )
        raise SplitError(tr(message, folds=len(folds), room=max(room, 0), window=window, horizon=model.horizon))
    return folds


def _fits(model: Any, length: int, how: Mapping[str, Any]) -> bool:
    try:
        return bool(_lay_out(model, length, how))
    except SplitError:
        return False


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
    refit: int = 1,
    stride: int | None = None,
    ridge: bool = True,
    out: str | Path | None = None,
    progress: bool | None = None,
    **reading: Any,
) -> Backtest | AlarmBacktest:
    """Train and forecast again from one cutoff after the other, and score what came beside the baselines.

    Of an `AnomalyDetector` see `tidegate.tasks.resample.alarms.backtest_alarms`: `refit`, `stride` and `ridge` are not
    for it.

    Every fold goes the whole way by itself: seasons, window, preparation, network and calibration come from its own
    training part, and rows after its test part are not in its table. Series are cut at the same time.

    Args:
        model: a `Forecaster`; its options count, whether it is fitted or not. It is not changed.
        data: as for `fit`; None takes the table that it was fitted on.
        folds: cutoffs to forecast from.
        test_size: steps that each fold tests; a (folds + 1)-th of the data, at least the horizon, if None.
        step: steps from one fold's test to the next; as many as it tests if None.
        gap: steps left out between training, validation and test.
        max_train_size: steps of a training part that slides; it expands if None.
        validation: share, or number of steps, of each training part that chooses the epoch.
        refit: train at every n-th fold; 0 (False) trains on the first alone.
        stride: steps between two forecasts in a test part; the horizon, so that each is forecast once, if None.
        ridge: ridge regression among the baselines.
        out: folder for the folds' results; a backtest that was cut off goes on from there when it is called again.
        progress: show a progress bar; None does where there is a terminal.
        reading: columns and options of `tidegate.read`: time, target, series, known, ...

    Raises:
        ConfigError: an argument that cannot work, or `out` holds another backtest.
        SplitError: a fold has no room for a window.
    """
    require("torch", extra="train", purpose="train")
    model.check()
    if getattr(model, "task", "") == "detector":
        if refit not in (True, 1) or stride is not None:
            raise ConfigError(tr("refit and stride are for forecasts: a detector is trained at every cutoff"))
        sizes: dict[str, Any] = {"test_size": test_size, "step": step, "gap": gap, "max_train_size": max_train_size}
        shared = {"folds": folds, "validation": validation, "out": out, "progress": progress, **sizes}
        alarms: AlarmBacktest = model.backtest(data, **shared, **reading)
        return alarms
    from tidegate.tasks.forecast.choices import with_horizon

    require_verb(model, "backtest")
    table = own_table(model, data, reading)
    model, clock = with_horizon(model, table), Clock.of(table)
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
    what = {"model": model.get_params(), "backtest": how}
    store = FoldStore(out, "backtest", lambda: {**what, "table": data_fingerprint(table)})
    trained: tuple[int, Any] = (-1, None)

    def make(fold: Fold) -> FoldForecasts:
        nonlocal trained
        at = plan.trained_at(fold.index)
        if trained[0] != at:
            label = tr("fold {fold} of {folds}", fold=fold.index + 1, folds=len(plan.folds))
            trained = at, train_fold(model, table, clock, plan, plan.folds[at], progress, label)
        return evaluate_fold(trained[1], table, clock, plan, plan.folds[at], fold)

    done = tuple(store.result(fold.index, FoldForecasts, partial(make, fold)) for fold in plan.folds)
    scores = spread_over([fold.scores() for fold in done], model.horizon)
    result = Backtest(table, done, scores, model._kind(data))
    store.finish(result.to_json())
    return result


def train_fold(
    model: Any, table: Table, clock: Clock, plan: Plan, fold: Fold, progress: bool | None = False, label: str = ""
) -> Any:
    """A forecaster with the same options, fitted on one fold's training part."""
    from tidegate.tasks.forecast import fit as fitting
    from tidegate.tasks.forecast.choices import make_choices
    from tidegate.train.progress import Progress, ProgressBar

    fresh = type(model)(**model.get_params())
    part = fold_table(table, clock, fold, fold, plan.validation, plan.gap, model.horizon)
    choices = make_choices(fresh, part.table, part.split.train)
    begin = clock_time.monotonic()
    with ProgressBar(progress, label=label) as bar:
        fresh._take(fitting.fit(part.table, part.split, choices, progress=Progress(bar=bar)))
    fresh.seconds_ = clock_time.monotonic() - begin
    return fresh


def evaluate_fold(model: Any, table: Table, clock: Clock, plan: Plan, fit: Fold, fold: Fold) -> FoldForecasts:
    """Forecast a fold's test part with a model that was fitted on the same or an earlier fold, and score it.

    Raises:
        SplitError: no window fits.
    """
    from tidegate.evaluate.forecast.evaluate import evaluate_forecasts
    from tidegate.evaluate.forecast.fitted import fit_baselines
    from tidegate.runtime.forecast.decode import forecast
    from tidegate.tasks.forecast.evaluate import needed_rows

    part = fold_table(table, clock, fit, fold, plan.validation, plan.gap, model.horizon)
    horizon, rows = model.decoding_.horizon, needed_rows(model)
    origins = part_origins(part.table, part.split, "test", window=rows, horizon=horizon, stride=plan.stride)
    if not len(origins):
        message = (
            "fold {fold}: no series has {rows} rows before and {horizon} in its test part; shorten window or horizon, "
            "or ask for fewer folds"
        )
        raise SplitError(tr(message, fold=fold.index + 1, rows=rows, horizon=horizon))
    prepared = model.preparation_.apply(part.table)
    found = forecast(model.run_, model.spec_, model.decoding_, prepared, origins)
    window = model.spec_.window
    how: Any = {"window": window, "horizon": horizon, "seasons": model.fitted_.plan.seasons}
    baselines = fit_baselines(part.table, part.split, prepared, ridge=plan.ridge, **how)
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
    return FoldForecasts(
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
