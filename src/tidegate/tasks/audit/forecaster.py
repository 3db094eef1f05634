"""The audit of a forecaster: its own stages, from the split to the forecasts, on clean and on perturbed tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.table import Table
from tidegate.data.split import Split
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.leaks.audit import (
    Audit,
    Finding,
    Locate,
    Place,
    Stage,
    conclude,
    part_name,
    put_questions,
    require_same,
    unmoved,
)
from tidegate.evaluate.leaks.perturb import Difference
from tidegate.prepare import Preparation, Prepared
from tidegate.runtime.forecast.decode import forecast
from tidegate.tasks.audit.perturb import perturbed, perturbed_names, show_time

ORIGINS = 3  # forecasts in the test part that are audited one by one
STEPS = 4
WINDOWS = 256


class Subject:
    """A forecaster to be audited, trained for a few steps only.

    Args:
        model: its options. table: the data. parts: of the split.
    """

    def __init__(self, model: Any, table: Table, parts: Mapping[str, Any]) -> None:
        from tidegate.tasks.forecast.choices import split_and_choose

        self.model = model.variant({"training.steps_per_epoch": STEPS, "max_epochs": 1})
        self.parts = parts
        self.split, choices = split_and_choose(self.model, table, parts)
        self.window = choices.window

    def fit(self, table: Table) -> Any:
        """Everything that `Forecaster.fit` does, with less training."""
        from tidegate.tasks.forecast import fit as fitting
        from tidegate.tasks.forecast.choices import split_and_choose

        parts, choices = split_and_choose(self.model, table, self.parts)
        return fitting.fit(table, parts, choices, effort=fitting.Effort(STEPS, WINDOWS))

    def learned(self, fitted: Any, test: NDArray[np.int64]) -> list[Stage]:
        """All stages: what was learned, and forecasts whose first step is `test` [B] or earlier."""
        plan = {"window": fitted.plan.window, "lags": fitted.plan.lags, "plan": repr(fitted.plan)}
        stages = [Stage("the split", {name: rows.tolist() for name, rows in fitted.split.parts.items()})]
        stages += [Stage("the choice of window and seasons", plan)]
        stages += prepared_stages(fitted.table, fitted.split, fitted.preparation, fitted.prepared, fitted.spec, "train")
        stages += window_stages(fitted.table, fitted.split, fitted.prepared, fitted.spec, "validation")
        weights = {name: value.numpy() for name, value in fitted.network.state_dict().items()}
        stages.append(Stage("the weights", weights))
        if fitted.decoding.calibration is not None:
            stages.append(Stage("the calibration", fitted.decoding.calibration))
        if fitted.decoding.mixture is not None:
            stages.append(Stage("the pretrained forecaster's share", fitted.decoding.mixture))
        if fitted.decoding.tuned is not None:
            tuned = {name: np.array(own) for name, own in fitted.decoding.tuned.weights.items()}
            stages.append(Stage("the fine-tuned pretrained forecaster", tuned))
        return stages + forecast_stages(fitted, fitted.prepared, test)


def audit_forecaster(model: Any, table: Table, parts: Mapping[str, Any], seed: int, extra: Sequence[Finding]) -> Audit:
    """Audit a forecaster's fit, its preparation alone, and single forecasts; see `audit`."""
    subject = Subject(model, table, parts)
    names, checks = perturbed_names(table), []
    fitted = subject.fit(table)
    begins = fitted.split.parts.get("test", fitted.split.validation)
    origins = _origins(table, begins, fitted)
    test = origins[0]
    clean = subject.learned(fitted, test)

    def refit(changed: Table) -> list[Stage]:
        return subject.learned(subject.fit(changed), test)

    require_same(clean, refit(table))
    if "test" in fitted.split.parts:
        later = _from(table, begins[:, 0])
        checks += put_questions(
            lambda kind, which: refit(perturbed(table, which, later, kind, seed)), clean, names, _first(table, later)
        )
    later = _from(table, fitted.split.validation[:, 0])
    checks += put_questions(
        lambda kind, which: _prepare(subject, fitted, perturbed(table, which, later, kind, seed)),
        _prepare(subject, fitted, table),
        names,
        _first(table, later),
    )
    for place in origins:
        later = _from_places(table, place)
        own = forecast_stages(fitted, fitted.prepared, place)

        def run(kind: str, which: Sequence[str], later: Any = later, place: Any = place) -> list[Stage]:
            prepared = fitted.preparation.apply(perturbed(table, which, later, kind, seed))
            return forecast_stages(fitted, prepared, place)

        checks += put_questions(run, own, names, _first(table, later))
    found = conclude(checks, extra)
    if found.findings:
        return found
    earlier = ~_from(table, fitted.split.validation[:, 0])
    past = perturbed(table, table.schema.targets, earlier, "noise", seed)
    return conclude(checks, [*extra, *unmoved(clean, lambda: refit(past))])


def _prepare(subject: Subject, fitted: Any, table: Table) -> list[Stage]:
    """Preparation and training windows, which the validation part must not reach either."""
    preparation = Preparation.fit(table, fitted.split.train, fitted.preparation.options)
    return prepared_stages(table, fitted.split, preparation, preparation.apply(table), fitted.spec, "train")


def prepared_stages(
    table: Table, split: Split, preparation: Preparation, prepared: Prepared, spec: Any, part: str
) -> list[Stage]:
    """The fitted preparation, and windows of a part as the network gets them."""
    state = preparation.to_json()
    return [
        Stage("the fitted preparation", state, _of_state(state)),
        *window_stages(table, split, prepared, spec, part),
    ]


def window_stages(table: Table, split: Split, prepared: Prepared, spec: Any, part: str) -> list[Stage]:
    """Inputs and targets of at most `WINDOWS` windows of a part, the last ones among them."""
    rows = spec.window + prepared.preparation.lead
    every = part_origins(table, split, part, window=rows, horizon=spec.horizon)
    chosen = np.unique(np.linspace(0, len(every) - 1, min(WINDOWS, len(every))).astype(np.int64))
    origins = every[chosen]
    name = {"train": "the training windows", "validation": "the validation windows"}[part]
    target, observed = prepared.target(origins, spec.horizon)
    value = {
        "origins": every,
        "inputs": prepared.past(origins, spec.window),
        "future": prepared.future(origins, spec.horizon),
        "targets": target,
        "observed": observed,
    }
    return [Stage(name, value, _of_windows(table, prepared, origins, spec.window))]


def forecast_stages(fitted: Any, prepared: Prepared, origins: NDArray[np.int64]) -> list[Stage]:
    """Inputs and forecasts of some origins."""
    from tidegate.train.run import TorchRun

    spec, decoding = fitted.spec, fitted.decoding
    found = forecast(TorchRun(fitted.network).windows, spec, decoding, prepared, origins)
    locate = _of_windows(prepared.table, prepared, origins, spec.window)
    inputs = {"inputs": prepared.past(origins, spec.window), "future": prepared.future(origins, decoding.horizon)}
    values = {"forecast": found.mean, "quantiles": found.quantiles}
    return [Stage("the inputs of a forecast", inputs, locate), Stage("the forecasts", values, locate)]


def _of_windows(table: Table, prepared: Prepared, origins: NDArray[np.int64], window: int) -> Locate:
    preparation = prepared.preparation
    channels = {
        "inputs": preparation.past_names,
        "future": preparation.future_names,
        "targets": preparation.target_names,
        "observed": preparation.target_names,
        "forecast": preparation.target_names,
        "quantiles": preparation.target_names,
    }

    def locate(found: Difference) -> Place:
        kind = found.path[0] if found.path else ""
        if kind not in channels or len(found.index) < 3:
            return Place(part=part_name(found))
        window_index, step, channel = found.index[:3]
        origin = int(origins[window_index])
        row = origin + step - (window if kind == "inputs" else 0)
        series = int(np.searchsorted(table.starts, origin - 1, side="right") - 1)
        time = show_time(table, table.time[row])
        return Place(channels[kind][channel], table.ids[series], time, max(0, origin - row) or None, kind)

    return locate


def _of_state(state: Mapping[str, Any]) -> Locate:
    """The column of a preparation's state that moved."""

    def locate(found: Difference) -> Place:
        value: Any = state
        column = ""
        for key in found.path:
            value = value[int(key)] if isinstance(value, (list, tuple)) else value.get(key, {})
            if isinstance(value, Mapping) and isinstance(value.get("name"), str):
                column = value["name"]
        return Place(column=column, part=part_name(found))

    return locate


def _origins(table: Table, begins: NDArray[np.int64], fitted: Any) -> list[NDArray[np.int64]]:
    """At most `ORIGINS` sets of forecast origins, one row of each series that has room: the part's begin first."""
    need, horizon = fitted.spec.window + fitted.preparation.lead, fitted.decoding.horizon
    found = []
    for share in np.linspace(0, 1, ORIGINS):
        last = begins[:, 1] - horizon
        rows = begins[:, 0] + (share * np.maximum(last - begins[:, 0], 0)).astype(np.int64)
        fits = (rows - need >= table.starts[:-1]) & (rows + horizon <= begins[:, 1])
        if fits.any():
            found.append(rows[fits])
    return found


def _from(table: Table, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[N] rows of each series from one on."""
    return np.arange(len(table)) >= np.repeat(rows, table.lengths)


def _from_places(table: Table, origins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """The same, for the series that have an origin; the others are left as they are."""
    rows = np.array(table.starts[1:])
    rows[table.series_of(origins)] = origins
    return _from(table, rows)


def _first(table: Table, later: NDArray[np.bool_]) -> str:
    return show_time(table, table.time[later].min())
