"""AnomalyDetector: from a table to alarms that keep a budget, and streams that go on from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.core.checks import Positive, Range
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data import read, split
from tidegate.data.emit import Frame, local_time, to_frame
from tidegate.data.read import read_like
from tidegate.data.schema import as_names
from tidegate.runtime.detect.detector import Detector
from tidegate.runtime.detect.rules import Method
from tidegate.runtime.detect.stream import DetectStream
from tidegate.runtime.detect.walk import Walked, walk
from tidegate.tasks.detect.choices import (
    AlarmOptions,
    DetectorChoices,
    DetectorNetwork,
    DetectorPreparation,
    Loss,
    detector_choices,
)
from tidegate.tasks.detect.frame import check_channels, check_columns, check_roles, event_columns, score_columns
from tidegate.tasks.estimator import Estimator, FitCall
from tidegate.tasks.options import Members, Size
from tidegate.tasks.tables import as_table, reading_of
from tidegate.train.options import TrainOptions

if TYPE_CHECKING:
    from tidegate.evaluate.detect.evaluation import DetectorEvaluation
    from tidegate.explain import Explanation
    from tidegate.tasks.detect.fit import DetectFitted
    from tidegate.tasks.diagnose.trainee import Trainee
    from tidegate.tasks.resample.alarms import AlarmBacktest
    from tidegate.train.progress import Progress


@dataclass(kw_only=True, eq=False, repr=False)
class AnomalyDetector(Estimator):
    """Finds what is not as it was: in one or many series, one or many channels, without labels or with them.

    A recurrent network learns what comes next (`forecast`), or to rebuild the last window from a short summary
    (`reconstruction`), from the training part alone. How large an error is for this stream becomes a p-value: its rank
    among the errors seen so far, with an extreme-value tail beyond them. A step alarms where p is so small that
    ordinary steps would be so `alarms_per_week` times a week. See the page on detection for the equations.

    Args:
        method: what is looked at: the `forecast` of the next value, or the `reconstruction` of the last window.
        window: steps that a training window has, and that are rebuilt at once, T; 48 if None.
        alarms_per_week: false alarms that one stream may give in a week (in 1,000 rows where rows have no clock); 1 if
            None, but of rows with less than a hundred a week one in a hundred rows.
        hidden_size: units per layer, H; few, as a stream is advanced at every row.
        dropout: share of the units of the last layer silenced in training.
        loss: what training lowers: `huber` or `mae`, which a few anomalies hardly move, or `mse`.
        batch_size: windows a step; 32 if None.
        max_epochs: passes over the training windows, at most; 30 if None.
        ensemble_size: networks that are trained alike but for their seeds, and whose expectations are averaged.
            Training and every step of a stream take so many times as long.
        network: the finer `DetectorNetwork` (head_size, lags), as an object or a mapping.
        training: the finer `TrainOptions` (patience, schedule, clip, ...).
        preparation: `DetectorPreparation` (calendar).
        alarms: `AlarmOptions` (warm_up, refractory, short, tail, adapt, groups, alarms_per_day).

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.
    """

    READER = staticmethod(read)

    task = "detector"

    method: Method = "forecast"
    window: Annotated[int, Range(2)] | None = None
    alarms_per_week: Positive | None = None
    hidden_size: Size = 16
    loss: Loss = "huber"
    learning_rate: float = 5e-3
    ensemble_size: Members = 1
    network: DetectorNetwork | Mapping[str, Any] | None = None
    training: TrainOptions | Mapping[str, Any] | None = None
    preparation: DetectorPreparation | Mapping[str, Any] | None = None
    alarms: AlarmOptions | Mapping[str, Any] | None = None

    def fit(
        self, data: Any, *, time: Any = None, target: Any = None, series: str | Sequence[str] | None = None,
        label: str | None = None, known: str | Sequence[str] = (), observed: str | Sequence[str] = (),
        validation: float | int | str = 0.1, test: float | int | str = 0.2, gap: int = 0,
        out: str | Path | None = None, resume: bool = False, overwrite: bool = False, progress: bool | None = None,
        source: Mapping[str, Any] | None = None, **reading: Any,
    ) -> AnomalyDetector:  # fmt: skip
        """Read, split, train, measure the errors; with `out`, evaluate the test part and leave a run folder behind.

        Args:
            data: a path, a dataframe, an array, or a `Table`.
            time, series, known, observed: as of `tidegate.read`. The forecast reads known columns as they are at the
                row that it forecasts, observed ones as they were at the row before; they are not watched.
            target: channel to watch, or several; None takes all columns of numbers, but for those of nothing but 0
                and 1: they are commands, and known.
            label: column that is 1 where a row is known to be anomalous. Training leaves these out, and the threshold
                is the one that finds most of them on the validation part.
            validation: part that chooses the epoch: a share of each series, a number of rows, or the time it begins.
            test: part that is looked at once, at the end; given as `validation` is.
            gap: rows left out between the parts.
            out: folder of the run. resume: go on from the checkpoints in it. overwrite: take the place of a run that is
                there.
            progress: show a progress bar; None does where there is a terminal.
            source: where a `Table` came from, for the run's config.toml.
            reading: further options of `tidegate.read`.

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        columns = {
            "time": time,
            "target": target,
            "series": series,
            "label": label,
            "known": known,
            "observed": observed,
        }
        shares = {"validation": validation, "test": test, "gap": gap}
        return self._fit(FitCall(data, columns, reading, source, shares, out, resume, overwrite, progress))

    def check(self) -> DetectorChoices:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""
        return detector_choices(self)

    def read(self, data: Any, *, label: str | None = None, **how: Any) -> Table:
        """The data as `fit` reads them: see `tidegate.read`; a `Table` is left as it is.

        Args:
            data, label, how: as of `fit`.
        """
        note = None
        if not isinstance(data, Table):
            check_roles(how)
            from tidegate.tasks.detect.known_anomalies import commands_aside, recognised

            how, label, note = recognised(data, how, label)
        if label is not None and not isinstance(data, Table):
            how = {**how, "observed": (*as_names(how.get("observed")), label)}
        table = as_table(data, how, check=False)
        if note is not None:
            table = replace(table, notes=(*table.notes, note))
            table = commands_aside(table) if self.method == "forecast" else table
        if not isinstance(data, Table):
            check_channels(table, label)
        check_columns(table.schema)
        return table

    def _train(self, examples: Table, call: FitCall, progress: Progress) -> None:
        from tidegate.tasks.detect import fit as fitting
        from tidegate.tasks.detect.known_anomalies import labels_of, tune_threshold

        found = next((note.values["found"] for note in examples.notes if note.kind == "roles"), None)
        self.label_ = call.columns["label"] or found
        table, labelled = labels_of(examples, self.label_)
        choices = self.check()
        if choices.method == "reconstruction" and (table.schema.known or table.schema.observed):
            message = "a reconstruction rebuilds the channels alone; for known= and observed= take method='forecast'"
            raise ConfigError(tr(message))
        choices.rules(table.frequency, table.time.dtype.kind == "M")  # refuses a budget that the step cannot keep
        parts = split(table, **call.split, window=choices.window, horizon=1)
        fitted = fitting.fit(
            table,
            parts,
            choices,
            labelled,
            progress=progress,
            tune=None if labelled is None else tune_threshold(labelled),
        )
        self._like = call.data
        self.reading_ = reading_of(call)
        self._take(fitted)

    def _read_how(self, call: FitCall) -> dict[str, Any]:
        return {**super()._read_how(call), "label": self.label_}

    def _take(self, fitted: DetectFitted) -> None:
        self.fitted_, self.detector_, self.history_ = fitted, fitted.detector, fitted.history
        self.notes_ = fitted.notes

    def _trainee(self) -> Trainee:
        from tidegate.tasks.diagnose.detect import DetectorTrainee

        return DetectorTrainee(self)

    def _evaluate_part(self, part: str) -> Any:
        return self.evaluate(part=part) if self.fitted_.has(part) else None

    def predict(self, data: Any = None, *, part: str | None = None, **reading: Any) -> Frame:
        """Predict for rows: [series,] time, score, p_value, alarm, event, [channel,] expected.

        Args:
            data: rows, as for `fit`; each series is a new stream, whose first `warm_up` rows are not judged. None takes
                rows of the table it was fitted on.
            part: without data, `train`, `validation`, `test` or `all`; None takes the test part if there is one.
            reading: options of `tidegate.read`.

        Returns:
            A frame of the kind that `data` (or the training data) was. Scores and p-values are NaN where a row was not
            judged: while a stream warms up, where the value is missing, and at the first one after a long gap.

        Raises:
            TidegateError: a column is missing, a value is infinite, a loaded model is given no rows.
        """
        walked, rows = self._walked(data, part, reading)
        columns = score_columns(walked, rows, self.detector_.preparation.channels, self.detector_.rules.groups)
        return to_frame(columns, timezone=walked.table.timezone, like=self._kind(data))

    def score_columns(self, data: Any = None, *, part: str | None = None, **reading: Any) -> dict[str, Any]:
        """What `predict` returns, as name -> array with times on the local clock; needs no dataframe library."""
        walked, rows = self._walked(data, part, reading)
        columns = score_columns(walked, rows, self.detector_.preparation.channels, self.detector_.rules.groups)
        return {name: local_time(values, walked.table.timezone) for name, values in columns.items()}

    def events(self, data: Any = None, *, part: str | None = None, **reading: Any) -> Frame:
        """Alarms as events: when, how long, how rare, which channels, and what was expected at the peak.

        Args:
            data, part, reading: as for `predict`.

        Returns:
            A frame with one row per event (see `tidegate.tasks.detect.frame.event_columns`).
        """
        walked, _ = self._walked(data, part, reading)
        columns = event_columns(
            walked, self.detector_.rules, self.detector_.preparation.channels, self._ranges(data, part)
        )
        return to_frame(columns, timezone=walked.table.timezone, like=self._kind(data))

    def evaluate(
        self, data: Any = None, *, label: str | None = None, part: str = "test", **reading: Any
    ) -> DetectorEvaluation:
        """Alarms against the budget, p-values against what they promise, events against labels, beside baselines.

        Args:
            data: new rows; None takes a part of the table it was fitted on.
            label: their column of known anomalies; None looks for one that is called so.
            part: `test` or `validation`. reading: options of `tidegate.read`.

        Returns:
            `DetectorEvaluation`: print it, or see `.methods`, `.calibration`, `.verdict`.

        Raises:
            NotFittedError: a loaded model has no test part; give it data. DataError: there is nothing to evaluate.
        """
        from tidegate.tasks.detect.evaluate import evaluate_rows
        from tidegate.tasks.detect.known_anomalies import label_in, labels_of

        self._require_fitted("detector_")
        if data is not None:
            label = label or label_in(data, {**self.reading_, **reading}, self.detector_.schema.targets)
            table, labelled = labels_of(self._table(data, label, reading), label)
            return evaluate_rows(self.detector_, walk(self.detector_, table), labelled, table.rows())
        self._require_fitted("fitted_")
        if not self.fitted_.split.rows(part):
            raise DataError(
                tr("the split has no {part} part: fit with {part}=0.2, or give evaluate() new rows", part=part)
            )
        fitted = self.fitted_
        return evaluate_rows(self.detector_, fitted.walked, fitted.labelled, fitted.split[part])

    def backtest(
        self, data: Any = None, *, label: str | None = None, folds: int = 5, test_size: int | None = None,
        step: int | None = None, gap: int = 0, max_train_size: int | None = None, validation: float | int = 0.1,
        out: str | Path | None = None, progress: bool | None = None, **reading: Any,
    ) -> AlarmBacktest:  # fmt: skip
        """Train up to one cutoff after the other, and evaluate what is predicted for the rows after each.

        Args:
            data: as for `fit`; None takes the table that it was fitted on, with its labels. label: as for `fit`.
            folds, test_size, step, gap, max_train_size, validation, out, progress: as of `tidegate.backtest`.
            reading: columns and options of `tidegate.read`: time, target, series, ...

        Returns:
            `tidegate.tasks.resample.alarms.AlarmBacktest`: print it, or see `.total()`, `.evaluations`, `.frame`.

        Raises:
            ConfigError, SplitError: folds that cannot be. DataError: no row of a fold could be evaluated.
        """
        from tidegate.tasks.detect.known_anomalies import labels_of
        from tidegate.tasks.resample.alarms import backtest_alarms

        self.check()
        if data is None:
            self._require_fitted("fitted_")
            if reading:
                message = "{reading}: not for the backtest of a detector's own table; leave it out"
                raise ConfigError(tr(message, reading=", ".join(reading)))
            table, labelled = self.fitted_.table, self.fitted_.labelled
        else:
            table, labelled = labels_of(self.read(data, label=label, **reading), label)
        sizes = {"test_size": test_size, "step": step, "gap": gap, "max_train_size": max_train_size}
        how = {"folds": folds, **sizes, "validation": validation}
        return backtest_alarms(self, table, labelled, how, out, progress)

    def stream(
        self, snapshot: bytes | None = None, *, series: str | Sequence[str] | None = None, streams: int | None = None,
        fresh: bool = False,
    ) -> DetectStream:  # fmt: skip
        """Streams that take values one at a time and answer each in time that does not grow.

        Args:
            snapshot: bytes of `DetectStream.snapshot()` to go on from.
            series: fitted series to go on with where the fitted table ended; None takes all of them.
            streams: so many new streams instead, which share the scale of all series together and warm up first.
            fresh: begin anew instead of where the table ended.

        Raises:
            ConfigError: a series that was not fitted, or arguments that exclude one another.
            ArtifactError: a snapshot of another detector, or a damaged one.
        """
        self._require_fitted("detector_")
        return self.detector_.stream(snapshot, series=series, streams=streams, fresh=fresh)

    def explain(
        self, data: Any = None, *, at: Any = None, series: str | None = None, block: int | None = None,
        permutations: int = 64, seed: int = 0, **reading: Any,
    ) -> Explanation:  # fmt: skip
        """Which channels and which steps made a row as rare as it is, with a check.

        Args:
            data: rows, as for `predict`; None takes those it was fitted on, of the test part if `at` names none.
            at: time of the row; None takes the rarest of those that alarm, or of all. series: that it is of.
            block, permutations, seed: see `tidegate.tasks.explain.detect.explain_alarm`. reading: of `tidegate.read`.

        Returns:
            `tidegate.explain.Explanation`: print it, or see `.attributions`, `.case`; `tidegate.report_explanation`
            makes a page of it.

        Raises:
            NotFittedError: a loaded model has no rows of its own; give it some.
            DataError: there is no such row, or no ordinary window to compare with. ConfigError: an unknown series.
        """
        from tidegate.tasks.explain.detect import explain_alarm

        how: dict[str, Any] = {"at": at, "series": series, "block": block, "permutations": permutations, "seed": seed}
        walked, rows = self._walked(data, None if data is not None or at is None else "all", reading)
        if data is not None:
            return explain_alarm(self.detector_, walked, rows, ordinary=rows, **how)
        fitted = self.fitted_
        ordinary = np.concatenate([np.arange(a, b) for a, b in fitted.split.train.tolist()])
        if fitted.labelled is not None:
            ordinary = ordinary[~fitted.labelled[ordinary]]
        learn_from = fitted.split.validation[:, 1]
        return explain_alarm(
            self.detector_, walked, rows, ordinary=ordinary, learn_from=learn_from, labelled=fitted.labelled, **how
        )

    def _restore(self, artifact: Artifact, path: Path) -> None:
        self.detector_, self.notes_ = Detector.of(artifact), ()

    def _walked(self, data: Any, part: str | None, reading: Mapping[str, Any]) -> tuple[Walked, NDArray[np.int64]]:
        """What is predicted for rows, and which of them were asked for."""
        self._require_fitted("detector_")
        if data is not None:
            table = self._table(data, None, reading)
            return walk(self.detector_, table), np.arange(len(table))
        self._require_fitted("fitted_")
        ranges = self._ranges(None, part)
        rows = np.concatenate([np.arange(a, b) for a, b in ranges.tolist()])
        return self.fitted_.walked, rows

    def _ranges(self, data: Any, part: str | None) -> Any:
        """[G, 2] rows of a part of the fitted table; None for all rows of new data."""
        if data is not None:
            if part is not None:
                raise ConfigError(
                    tr("part={part!r} names rows of the fitted table; with data, all rows are judged", part=part)
                )
            return None
        parts = self.fitted_.split
        if part == "all" or (part is None and not parts.rows("test")):
            return self.fitted_.table.rows()
        if part not in (None, "train", "validation", "test"):
            raise ConfigError(tr("part is one of 'train', 'validation', 'test' and 'all'; got {part!r}", part=part))
        if not parts.rows(part or "test"):
            raise DataError(tr("the split has no {part} part: fit with {part}=0.2", part=part))
        return parts[part or "test"]

    def _table(self, data: Any, label: str | None, reading: Mapping[str, Any]) -> Table:
        own = self.detector_
        observed = (*own.preparation.observed, *(() if label is None else (label,)))
        how = {**self.reading_, **reading, "observed": observed, "known": own.preparation.known}
        table = read_like(data, own.schema, own.preparation.timezone, own.frequency, how)
        check_channels(table, label)
        return table
