"""Backtest of a detector: trained up to one cutoff after the other, and what it predicts for the rows after each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.notebook import Notebook
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.text import aligned, finite, joined, number
from tidegate.core.translate import Language, tr
from tidegate.data.fingerprint import data_fingerprint
from tidegate.evaluate.detect.evaluation import DetectorEvaluation, kept_budget, method_label
from tidegate.runtime.detect.rules import ROWS, WEEK
from tidegate.tasks.resample.folds import Clock, Fold, fold_table, make_folds
from tidegate.tasks.resample.store import FoldStore
from tidegate.tasks.run import plain

MODEL = "model"
SUMMED = ("events", "windows", "found", "false_alarms")


@dataclass(frozen=True)
class FoldAlarms:
    """What a detector predicted for one fold's test part.

    Attributes:
        index: of the fold, from 0. evaluation: of its alarms. judged: rows of the test part that were.
        events: columns of `AnomalyDetector.events`, as text and numbers.
        about: when the parts begin and end.
    """

    index: int
    evaluation: DetectorEvaluation
    judged: int
    events: Mapping[str, list[Any]]
    about: Mapping[str, Any]

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain values, and no arrays."""
        return {**vars(self), "evaluation": self.evaluation.to_json()}, {}

    @classmethod
    def from_parts(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FoldAlarms:
        """What `to_parts` gave."""
        return cls(**{**record, "evaluation": DetectorEvaluation.from_json(record["evaluation"])})


@dataclass(frozen=True, repr=False)
class AlarmBacktest(Notebook):
    """Alarms of every fold, evaluated; print it for the table and the verdict.

    Attributes:
        table: what was watched. folds: their results, oldest first. unit: rows of a week, or 1,000 without a clock.
    """

    table: Table
    folds: Sequence[FoldAlarms]
    unit: float

    @property
    def evaluations(self) -> tuple[DetectorEvaluation, ...]:
        """The scores of each fold."""
        return tuple(fold.evaluation for fold in self.folds)

    @property
    def clock(self) -> bool:
        """Whether rates are by week."""
        return self.evaluations[0].clock

    def total(self, method: str = MODEL) -> dict[str, float]:
        """Over all folds: events, labelled windows, those found, false alarms, and events in a week (or 1,000 rows)."""
        found = {name: sum(one.methods[method][name] for one in self.evaluations) for name in SUMMED}
        return found | {"rate": found["events"] / max(sum(fold.judged for fold in self.folds), 1) * self.unit}

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """A head, a row per fold, and all of them together."""
        labelled = self.total()["windows"] > 0
        per = tr("a week", lang) if self.clock else tr("in 1,000 rows", lang)
        head = [tr("fold", lang), tr("trained until", lang), tr("rows", lang), tr("events", lang), per]
        table = [head + ([tr("found", lang), tr("false alarms", lang)] if labelled else [])]
        for fold in self.folds:
            own, about = fold.evaluation.methods[MODEL], fold.about
            cells = [
                str(fold.index + 1),
                shown_time(about["validation_end"]),
                f"{fold.judged:,}",
                f"{own['events']:.0f}",
            ]
            table.append([*cells, number(fold.evaluation.rate), *(_labelled(own) if labelled else [])])
        whole = self.total()
        cells = [tr("all", lang), "", f"{sum(fold.judged for fold in self.folds):,}", f"{whole['events']:.0f}"]
        return [*table, [*cells, number(whole["rate"]), *(_labelled(whole) if labelled else [])]]

    def verdict(self, lang: Language | None = None) -> str:
        """Whether the budget was kept, what was found, and what the best simple detector found."""
        whole, budget = self.total(), self.evaluations[0].budget
        held = [kept_budget(one.methods[MODEL]["events"], one.rate, one.budget) for one in self.evaluations]
        per = tr("a week", lang) if self.clock else tr("in 1,000 rows", lang)
        told = (
            "Over {folds} folds events came at a rate of {rate} {per}, where the budget is {budget}; in {kept} of the "
            "folds they were no more than it allows, chance included."
        )
        values = {
            "folds": len(self.folds),
            "rate": number(whole["rate"]),
            "budget": f"{budget:g}",
            "kept": len(held) - held.count("above"),
        }
        parts = [tr(told, lang, per=per, **values)]
        if whole["windows"]:
            parts.append(
                tr("Labelled windows found: {found} of {windows}; false alarms: {false}.", lang, **_counted(whole))
            )
            others = {name: self.total(name) for name in self.evaluations[0].methods if name != MODEL}
            best = max(others, key=lambda name: _f1(others[name]), default=None)
            if best is not None:
                beside = "Of the best simple detector, {baseline}: {found} of {windows}; false alarms: {false}."
                parts.append(tr(beside, lang, baseline=method_label(best, lang), **_counted(others[best])))
        return joined(parts, lang)

    @property
    def frame(self) -> Any:
        """Events of all folds, as `AnomalyDetector.events` has them, with the fold."""
        from tidegate.data.emit import to_frame

        return to_frame(self.columns(), timezone=None, like=None)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The same as name -> array; needs no dataframe library."""
        counts = [len(next(iter(fold.events.values()), [])) for fold in self.folds]
        numbers = np.repeat(np.array([fold.index + 1 for fold in self.folds], dtype=np.int32), counts)
        names = self.folds[0].events
        return {"fold": numbers, **{name: self._joined(name) for name in names}}

    def _joined(self, name: str) -> NDArray[Any]:
        return np.array([value for fold in self.folds for value in fold.events[name]])

    def __str__(self) -> str:
        return "\n".join([*aligned(self.rows()), "", self.verdict()])

    def to_json(self) -> dict[str, Any]:
        """Totals of every method, and each fold, as plain values."""
        totals = {name: self.total(name) for name in self.evaluations[0].methods}
        folds = [{**fold.about, "judged": fold.judged, "evaluation": fold.evaluation.to_json()} for fold in self.folds]
        return {"total": totals, "verdict": self.verdict("en"), "folds": folds}


def backtest_alarms(
    model: Any,
    table: Table,
    labelled: NDArray[np.bool_] | None,
    how: Mapping[str, Any],
    out: str | Path | None = None,
    progress: bool | None = None,
) -> AlarmBacktest:
    """Train a detector up to one cutoff after the other, and evaluate what it predicts for the rows after each.

    Every fold goes the whole way by itself: scales, seasons, network, errors and threshold come from its own training
    part; known anomalies are left out of it, and choose the threshold on its validation part.

    Args:
        model: an `AnomalyDetector`; its options count. It is not changed.
        table: the rows. labelled: [N] known anomalies, or None.
        how: folds, test_size, step, gap, max_train_size, validation; they, out, progress: as of `tidegate.backtest`.

    Raises:
        ConfigError, SplitError: folds that cannot be. DataError: no row of a fold could be evaluated.
    """
    require("torch", extra="train", purpose="train")
    clock = Clock.of(table)
    made = make_folds(clock.length, **{name: value for name, value in how.items() if name != "validation"})
    marks = None if labelled is None else np.flatnonzero(labelled)
    what = {"model": model.get_params(), "backtest": dict(how), "labels": marks}
    store = FoldStore(out, "backtest", lambda: {**what, "table": data_fingerprint(table)})
    one = partial(_judge, model, table, labelled, clock, how["validation"], how["gap"], progress, len(made))
    done = tuple(store.result(fold.index, FoldAlarms, partial(one, fold)) for fold in made)
    step_of = table.frequency.microseconds if table.time.dtype.kind == "M" else None
    result = AlarmBacktest(table, done, ROWS if step_of is None else WEEK / step_of)
    store.finish(plain(result.to_json()))
    return result


def _judge(
    model: Any,
    table: Table,
    labelled: NDArray[np.bool_] | None,
    clock: Clock,
    validation: float | int,
    gap: int,
    progress: bool | None,
    folds: int,
    fold: Fold,
) -> FoldAlarms:
    """A detector with the same options, fitted on one fold's training part and evaluated on its test part."""
    from tidegate.tasks.detect import fit as fitting
    from tidegate.tasks.detect.evaluate import evaluate_rows
    from tidegate.tasks.detect.frame import event_columns
    from tidegate.tasks.detect.known_anomalies import tune_threshold
    from tidegate.train.progress import Progress, ProgressBar

    part = fold_table(table, clock, fold, fold, validation, gap)
    marks = None
    if labelled is not None:
        local = part.table.series_of(np.arange(len(part.table)))
        marks = labelled[np.arange(len(part.table)) + part.offset[local]]
    label = tr("fold {fold} of {folds}", fold=fold.index + 1, folds=folds)
    with ProgressBar(progress, label=label) as bar:
        fitted = fitting.fit(
            part.table,
            part.split,
            model.check(),
            marks,
            progress=Progress(bar=bar),
            tune=None if marks is None else tune_threshold(marks),
        )
    tested, walked = part.split["test"], fitted.walked
    rows = np.concatenate([np.arange(a, b) for a, b in tested.tolist()])
    events = event_columns(walked, fitted.detector.rules, fitted.detector.preparation.channels, tested)
    about: dict[str, Any] = {}
    for name in ("validation", "test"):
        held = part.split[name][part.split[name][:, 1] > part.split[name][:, 0]]
        about[f"{name}_begin"] = str(part.table.time[held[:, 0]].min())
        about[f"{name}_end"] = str(part.table.time[held[:, 1] - 1].max())
    return FoldAlarms(
        fold.index,
        evaluate_rows(fitted.detector, walked, marks, tested),
        int((~np.isnan(walked.p_value[rows])).sum()),
        {name: finite(np.asarray(values).tolist()) for name, values in _texts(events).items()},
        about,
    )


def shown_time(text: str) -> str:
    """A stored time to the minute; a count of rows as it is."""
    return text if text.lstrip("-").isdigit() else str(np.datetime64(text, "m")).replace("T", " ")


def _texts(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns with times as text."""
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    return {name: values.astype(str) if values.dtype.kind == "M" else values for name, values in arrays.items()}


def _labelled(row: Mapping[str, float]) -> list[str]:
    return [f"{row['found']:.0f}/{row['windows']:.0f}", f"{row['false_alarms']:.0f}"]


def _counted(row: Mapping[str, float]) -> dict[str, str]:
    return {"found": f"{row['found']:.0f}", "windows": f"{row['windows']:.0f}", "false": f"{row['false_alarms']:,.0f}"}


def _f1(row: Mapping[str, float]) -> float:
    """Of events, from counts."""
    wrong = row["false_alarms"] + row["windows"] - row["found"]
    return 2 * row["found"] / max(2 * row["found"] + wrong, 1.0)
