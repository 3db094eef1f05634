"""New rows held to what a model was fitted on: inputs, predictions and errors, each by itself, on one budget."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact, read_model
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Table
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.data.read import read_like
from tidegate.deploy.drift.check import Adwin, Tested, distance, held, level_of, stability, two_sided
from tidegate.prepare.profile import STATISTICS, Clock, Profile, read_profiles
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.forecast.decode import forecast
from tidegate.runtime.forecast.model import ForecastModel
from tidegate.runtime.model import model_of

Array = NDArray[Any]
INPUT, PREDICTION = "input", "prediction"
LEAST_ERRORS = 3  # blocks, before errors are tested
WORDS = {"level": "level", "spread": "spread", "rough": "movement from row to row"}


@dataclass(frozen=True)
class Column:
    """What was found in one column of one series.

    Attributes:
        kind: input or prediction. name, series: whose. tests: of each statistic. psi, ks: of all new rows against the
            reference; they are shown and decide nothing.
    """

    kind: str
    name: str
    series: str
    tests: tuple[Tested, ...]
    psi: float
    ks: float

    @property
    def drifts(self) -> list[str]:
        """Statistics that are out of the ordinary in some block."""
        return [test.statistic for test in self.tests if test.alarms.any()]


@dataclass(frozen=True)
class Errors:
    """How wrong forecasts of the new rows were, in the target's own unit.

    Attributes:
        target: whose. now: mean absolute error on the new rows. before: on the run's test part; NaN where unknown.
        blocks: [m] of each block. p: that errors no larger than before would give such blocks. alpha: of an alarm.
        since: the block from which on errors are others, by ADWIN; None where they are not.
    """

    target: str
    now: float
    before: float
    blocks: NDArray[np.float64]
    p: float
    alpha: float
    since: int | None

    @property
    def alarm(self) -> bool:
        """Whether errors have risen."""
        return self.p < self.alpha


@dataclass(frozen=True)
class Drift:
    """What monitoring found.

    Attributes:
        name: of the model. columns: by kind and name. errors: of each target that had actual values. rows: that were
            looked at. blocks: whole blocks of them. clock: see there. ends: [m] last time of each block.
    """

    name: str
    columns: tuple[Column, ...]
    errors: tuple[Errors, ...]
    rows: int
    clock: Clock
    ends: NDArray[Any]
    budget: float
    notes: tuple[str, ...] = field(default=())

    @property
    def drifted(self) -> bool:
        """Whether anything is out of the ordinary."""
        return any(column.drifts for column in self.columns) or any(error.alarm for error in self.errors)

    def text(self, lang: Language | None = None) -> str:
        """What was found, in sentences."""
        lines = []
        for column in self.columns:
            for test in column.tests:
                if test.alarms.any():
                    place = int(np.argmax(test.alarms))
                    message = (
                        "{kind} {name}: its {what} is out of the ordinary since the block that ends at {time}: "
                        "{value} where {expected} was expected (p {p})"
                    )
                    values = {
                        "value": number(float(test.values[place])),
                        "expected": number(float(test.expected[place])),
                    }
                    what, kind = tr(WORDS[test.statistic], lang), tr(column.kind, lang)
                    own = {"kind": kind, "name": _named(column), "what": what, "time": _moment(self.ends[place])}
                    lines.append(tr(message, lang, **own, **values, p=f"{test.p[place]:.2g}"))
        for error in self.errors:
            values = {"target": error.target, "now": number(error.now), "before": number(error.before)}
            message = "Errors of {target}: {now} on average, {before} on the test part, no more than chance allows."
            if error.alarm:
                message = "Errors of {target} have risen: {now} on average, where it was {before} on the test part."
            if math.isnan(error.before):
                message = "Errors of {target}: {now} on average; the run does not say what they were on its test part."
            lines.append(tr(message, lang, **values))
        if not any(column.drifts for column in self.columns):
            lines.insert(0, tr("Inputs and predictions are as they were.", lang))
        return "\n".join([*lines, *self.notes])

    def to_json(self) -> dict[str, Any]:
        return {
            "model": self.name,
            "drifted": self.drifted,
            "rows": self.rows,
            "budget": self.budget,
            "columns": [
                {
                    "kind": column.kind,
                    "name": column.name,
                    "series": column.series,
                    "psi": column.psi,
                    "ks": column.ks,
                    "drifts": column.drifts,
                    "p": {test.statistic: _least(test.p) for test in column.tests},
                }
                for column in self.columns
            ],
            "errors": [
                {"target": e.target, "now": e.now, "before": e.before, "p": e.p, "alarm": e.alarm} for e in self.errors
            ],
        }

    def prometheus(self) -> str:
        """Gauges, for the text-file collector of Prometheus' node exporter."""
        lines = ["# TYPE tidegate_drift gauge"]
        own = f'model="{_label(self.name)}"'
        for column in self.columns:
            where = f'{own},kind="{column.kind}",column="{_label(column.name)}",series="{_label(column.series)}"'
            for test in column.tests:
                lines.append(f'tidegate_drift{{{where},statistic="{test.statistic}"}} {int(test.alarms.any())}')
            lines.append(f"tidegate_drift_psi{{{where}}} {column.psi:.6g}")
            lines.append(f"tidegate_drift_ks{{{where}}} {column.ks:.6g}")
        for error in self.errors:
            where = f'{own},target="{_label(error.target)}"'
            lines.append(f"tidegate_error{{{where}}} {error.now:.6g}")
            lines.append(f"tidegate_error_drift{{{where}}} {int(error.alarm)}")
        return "\n".join([*lines, f"tidegate_drifted{{{own}}} {int(self.drifted)}", ""])


def monitor(run: str | Path, data: Any, *, actuals: Any = None, budget: float = 1.0) -> Drift:
    """Hold new rows to what a model was fitted on.

    Args:
        run: the folder of a run, a model or a version. data: the new rows, as they come in, later than the old ones.
        actuals: values of the targets that came later, by time; None takes those in the data. budget: false alarms
            a year, over all columns and statistics together.

    Raises:
        ConfigError: the model is of no table, or was saved without a profile. DataError: the rows cannot be used.
    """
    if not budget > 0:
        raise ConfigError(tr("{name} must be above 0; got {value}", name="budget", value=budget))
    artifact = read_model(run)
    model = model_of(artifact)
    if not isinstance(model, (ForecastModel, Detector)):
        raise ConfigError(tr("monitor looks at tables: a forecaster's or a detector's, and {run} holds none", run=run))
    found = read_profiles(artifact.context)
    if found is None:
        raise ConfigError(
            tr("{run} was saved without a profile of its data, by an older tidegate: fit it again", run=run)
        )
    clock, profiles = found
    table = new_rows(artifact, model, data, actuals)
    if int(table.lengths.max(initial=0)) < clock.block:
        message = "{rows} new rows are less than one block of {block}: give more rows at once"
        raise DataError(tr(message, rows=len(table), block=clock.block))
    predicted = _forecasts(model, table) if isinstance(model, ForecastModel) else {}
    pairs = list(_pairs(table, profiles, predicted))
    tests = len([0 for kind, *_ in pairs if kind == INPUT]) * len(STATISTICS)
    tests += len([0 for kind, *_ in pairs if kind == PREDICTION]) + len(predicted)
    alpha = level_of(clock, tests, budget)
    columns = tuple(_column(pair, alpha) for pair in pairs)
    errors = tuple(_errors(run, table, name, values, clock, alpha) for name, values in predicted.items())
    first, last = table.rows()[0]
    count = (last - first) // clock.block
    ends = table.time[last - 1 - clock.block * np.arange(count)[::-1]]
    place = Path(run).resolve()
    name = place.parent.name if place.name == "model" else place.name
    return Drift(name, columns, tuple(e for e in errors if len(e.blocks)), len(table), clock, ends, budget)


def new_rows(artifact: Artifact, model: ForecastModel | Detector, data: Any, actuals: Any) -> Table:
    """The rows as the model's table was, with the values of targets that came later."""
    if isinstance(model, ForecastModel):
        own = model.preparation
        schema, frequency, zone = own.schema, own.frequency, own.timezone
    else:
        schema, frequency, zone = model.schema, model.frequency, model.preparation.timezone
    roles = {role: getattr(schema, role) for role in ("known", "observed", "static")}
    table = read_like(data, schema, zone, frequency, artifact.record.reading, **roles)
    if actuals is None:
        return table
    later = read_like(actuals, schema, zone, frequency, artifact.record.reading, known=(), observed=(), static=())
    for g, series in enumerate(table.ids):
        if series not in later.ids:
            continue
        (a, b), (c, d) = table.rows()[g], later.rows()[later.ids.index(series)]
        _, here, there = np.intersect1d(table.time[a:b], later.time[c:d], return_indices=True)
        for name in schema.targets:
            values = table.columns[name].copy()
            values[a + here] = later.columns[name][c + there]
            table = Table(**{**table.__dict__, "columns": {**table.columns, name: values}})
    return table


def _forecasts(model: ForecastModel, table: Table) -> dict[str, NDArray[np.float64]]:
    """Target -> [N] what was forecast for every row from the last origin before it; NaN where none could be."""
    spec, horizon = model.spec, model.decoding.horizon
    need = spec.window + model.preparation.lead
    origins = [np.arange(a + need, b - horizon + 1, horizon) for a, b in table.rows().tolist()]
    starts = np.concatenate(origins).astype(np.int64)
    names = model.preparation.target_names
    found = {name: np.full(len(table), np.nan) for name in names}
    if len(starts):
        with np.errstate(all="ignore"):
            mean = forecast(model.run, spec, model.decoding, model.preparation.apply(table), starts).mean
        rows = starts[:, None] + np.arange(horizon)
        for c, name in enumerate(names):
            found[name][rows] = mean[:, :, c]
    return found


def _pairs(
    table: Table, profiles: Mapping[str, list[Profile]], predicted: Mapping[str, Array]
) -> Iterable[tuple[str, str, str, Profile, Array, Array]]:
    """Kind, column, series, profile, values and times of all that is compared."""
    for name, own in profiles.items():
        if name not in table.columns:
            continue
        for g, (a, b) in enumerate(table.rows().tolist()):
            if g < len(own):
                yield INPUT, name, table.ids[g], own[g], table.columns[name][a:b], table.time[a:b]
                if name in predicted and np.isfinite(predicted[name][a:b]).any():
                    yield PREDICTION, name, table.ids[g], own[g], predicted[name][a:b], table.time[a:b]


def _column(pair: tuple[str, str, str, Profile, Array, Array], alpha: float) -> Column:
    kind, name, series, profile, values, time = pair
    z, blocks = profile.z(values, time), profile.statistics(values, time)
    which = STATISTICS if kind == INPUT else ("level",)  # forecasts are smoother than what they forecast
    share = alpha * len(which)
    tests = tuple(held(profile, blocks, share, (name, series), which))
    return Column(kind, name, series, tests, stability(profile.grid, z), distance(profile.grid, z))


def _errors(run: str | Path, table: Table, name: str, predicted: Array, clock: Clock, alpha: float) -> Errors:
    wrong = np.abs(table.columns[name].astype(np.float64) - predicted)
    parts = []
    for a, b in table.rows().tolist():
        own = wrong[a:b][(b - a) % clock.block :].reshape(-1, clock.block)
        seen = np.isfinite(own).mean(axis=1) >= 0.5
        parts.append(np.where(np.isfinite(own[seen]), own[seen], 0).sum(1) / np.isfinite(own[seen]).sum(1))
    blocks = np.concatenate(parts) if parts else np.empty(0)
    now = float(np.nanmean(wrong)) if np.isfinite(wrong).any() else math.nan
    before, p = _tested(run, name), math.nan
    if len(blocks) >= LEAST_ERRORS and math.isfinite(before):
        spread = float(blocks.std(ddof=1)) / math.sqrt(len(blocks))
        t = (float(blocks.mean()) - before) / max(spread, 1e-12)
        p = float(two_sided(np.array([t]), len(blocks) - 1)[0]) / 2
        p = p if t > 0 else 1 - p
    window, since = Adwin(), None
    for place, value in enumerate(wrong[np.isfinite(wrong)].tolist()):
        if window.update(value):
            since = place // clock.block
    return Errors(name, now, before, blocks, p, alpha, since)


def _tested(run: str | Path, target: str) -> float:
    """Mean absolute error on the test part, where the run or the version says it."""
    folder = Path(run)
    for place in (folder / "metrics.json", folder.parent / "metrics.json", folder / "version.json"):
        try:
            state = json.loads(place.read_bytes())
        except (OSError, ValueError):
            continue
        test = state.get("test") or {"overall": state.get("metrics")}
        own = ((test.get("per_target") or {}).get(target) or {}).get("model") or (test.get("overall") or {}).get(
            "model"
        )
        value = (own or {}).get("mae")
        if isinstance(value, (int, float)):
            return float(value)
    return math.nan


def _moment(time: Any) -> str:
    return str(time.astype("datetime64[m]")).replace("T", " ") if isinstance(time, np.datetime64) else str(time)


def _least(p: Array) -> float | None:
    return float(np.nanmin(p)) if np.isfinite(p).any() else None


def _named(column: Column) -> str:
    return f"{column.name} ({column.series})" if column.series else column.name


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
