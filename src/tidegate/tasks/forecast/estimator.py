"""Forecaster: from a table to an evaluated forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tidegate.artifacts.artifact import Artifact
from tidegate.core.checks import Count
from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data import read
from tidegate.data.emit import Frame, local_time, to_frame
from tidegate.data.read import read_like
from tidegate.evaluate.forecast.foreign import Asked, check_foreign
from tidegate.prepare import AugmentOptions, PrepareOptions
from tidegate.tasks.estimator import Estimator, FitCall
from tidegate.tasks.forecast.choices import ForecastOptions, Loss, NetworkOptions, check_options, split_and_choose
from tidegate.tasks.forecast.frame import check_names, future_columns, learnable, ready
from tidegate.tasks.options import FitOptions, Members, Size
from tidegate.tasks.tables import as_table, reading_of

if TYPE_CHECKING:
    from tidegate.evaluate import Evaluation
    from tidegate.explain import Explanation
    from tidegate.runtime.forecast.stream import ForecastStream
    from tidegate.tasks.audit.audit import Audit
    from tidegate.tasks.diagnose.trainee import Trainee
    from tidegate.tasks.forecast.intervals import Intervals
    from tidegate.tasks.resample.forecasts import Backtest
    from tidegate.tasks.standing import Standing
    from tidegate.train.progress import Progress


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(Estimator):
    """A recurrent network that forecasts the next `horizon` steps of one or many series.

    The table is split by time, preparation is fitted on the training part alone, the epoch is chosen on the
    validation part, and the test part is looked at once, by `evaluate`, beside the baselines.

    Args:
        horizon: steps to forecast, K; 12 months, 8 quarters, 13 weeks, 7 days, a day of hours or less if None.
        window: past steps that one forecast looks at, T; a week of hours, or what the calendar suggests, if None.
        level: percent that intervals around the forecast should hold, one number or several, such as 80.
        quantiles: levels between 0 and 1 that are forecast too, such as 0.1.
        bidirectional: read the window in both directions (guide 6.1); "auto" reads it forwards.
        loss: what training lowers: `mse`, `mae`, `huber`, or `pinball` for quantiles without a point forecast.
        ensemble_size: networks that are trained alike but for their seeds, and whose forecasts are averaged.
        pretrained: whether the pretrained forecaster stands beside the network: "auto" where data are few, with a share
            that the validation part chooses; True leaves all to it, and trains nothing; "fine-tune" trains it
            on with the training part, until the validation part says stop. See `tidegate.forecast`.
        network: the finer `NetworkOptions` (attention, normalise, segment, lags, ...), as an object or a mapping.
        training: the finer `FitOptions` (refit, patience, schedule, clip, weight_decay, ...).
        preparation: `PrepareOptions` (scale, fill, calendar, holidays, ...).
        augment: `AugmentOptions`: how training windows vary.

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.
    """

    READER = staticmethod(read)
    task = "forecaster"

    horizon: Count | None = None
    window: Count | None = None
    level: float | Sequence[float] | None = None
    quantiles: Sequence[float] | None = None
    num_layers: Size = 2
    bidirectional: bool | Literal["auto"] = "auto"
    loss: Loss = "mae"
    ensemble_size: Members = 1
    pretrained: bool | Literal["auto", "fine-tune"] = "auto"
    network: NetworkOptions | Mapping[str, Any] | None = None
    training: FitOptions | Mapping[str, Any] | None = None
    preparation: PrepareOptions | Mapping[str, Any] | None = None
    augment: AugmentOptions | Mapping[str, Any] | None = None

    def fit(
        self, data: Any, *, time: Any = None, target: Any = None, series: str | Sequence[str] | None = None,
        known: Sequence[str] = (), observed: Sequence[str] = (), static: Sequence[str] = (),
        validation: float | int | str = 0.1, test: float | int | str = 0.2, gap: int = 0,
        baselines: Sequence[str] | Asked = (), out: str | Path | None = None, resume: bool = False,
        overwrite: bool = False, progress: bool | None = None, source: Mapping[str, Any] | None = None, **reading: Any,
    ) -> Forecaster:  # fmt: skip
        """Read, split, prepare, train; with `out`, evaluate the test part and leave a run folder behind.

        Args:
            data: a path, a dataframe, an array, or a `Table`.
            time, target, series, known, observed, static: as of `tidegate.read`.
            validation: part that chooses the epoch: a share of each series, a number of rows, or the time it begins.
            test: part that is looked at once, at the end; given as `validation` is.
            baselines: what the test part is also compared with, such as statsforecast:AutoETS. In Python also
                functions of (values before, horizon) that return what comes, in a list or by name.
            gap: rows left out between the parts.
            out: folder of the run: artifact, history, metrics, predictions, checkpoints; `report_run` adds the
                report.
            resume: go on from the checkpoints in `out`. overwrite: take the place of a run that is there.
            progress: show a progress bar; None does where there is a terminal.
            source: where a `Table` came from, for the run's config.toml.
            reading: further options of `tidegate.read` (repair, timezone, frequency, wide, ...).

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        named = {"time": time, "target": target, "series": series, "known": known, "observed": observed}
        shares = {"validation": validation, "test": test, "gap": gap}
        check_foreign(baselines)
        self.foreign_ = baselines
        named |= {"static": static}
        return self._fit(FitCall(data, named, reading, source, shares, out, resume, overwrite, progress))

    def read(self, data: Any, **how: Any) -> Table:
        """The data as `fit` reads them: see `tidegate.read`; a `Table` is left as it is."""
        return as_table(data, how)

    def _train(self, examples: Table, call: FitCall, progress: Progress) -> None:
        from tidegate.tasks.forecast import fit as fitting

        whole, examples = examples, learnable(examples)
        parts, choices = split_and_choose(self, examples, call.split)
        check_names(examples.schema, choices.quantiles)
        fitted = fitting.fit(examples, parts, choices, progress=progress)
        self._like = call.data
        self.reading_ = reading_of(call)
        self._take(fitted)
        self.context_ = whole

    def _evaluate_part(self, part: str) -> Any:
        from tidegate.tasks.forecast.evaluate import evaluate_part

        more = getattr(self, "foreign_", ()) if part == "test" else ()
        return evaluate_part(self, part, more=more) if self.fitted_.has(part) else None

    def _take(self, fitted: Any) -> None:
        from tidegate.train.run import TorchRun

        self.fitted_, self.baselines_ = fitted, None
        self.history_ = fitted.history
        self.spec_, self.decoding_, self.preparation_ = fitted.spec, fitted.decoding, fitted.preparation
        self.notes_ = fitted.notes
        self.run_ = TorchRun(fitted.network).windows
        self.context_ = fitted.table

    def _restore(self, artifact: Artifact, path: Path) -> None:
        from tidegate.runtime.forecast.model import ForecastModel
        from tidegate.tasks.forecast.evaluate import read_baselines
        from tidegate.tasks.standing import Standing

        loaded = ForecastModel.of(artifact)
        self.spec_, self.decoding_, self.preparation_ = loaded.spec, loaded.decoding, loaded.preparation
        self.run_, self.model_, self.notes_ = loaded.run, loaded, loaded.preparation.notes
        self.baselines_, self.standing_ = read_baselines(path), Standing.read(path)

    def predict(
        self, data: Any = None, *, future: Any = None, fallback: Literal["baseline"] | None = None, **reading: Any
    ) -> Frame:
        """Forecast the `horizon` steps after the end of every series.

        Args:
            data: past rows, as for `fit`; None takes the end of the table it was fitted on.
            future: known-ahead covariates of the steps to forecast (see `future_frame`).
            fallback: "baseline" answers with the baseline that did better on the test part, where one did; a column
                `method` then says whose forecasts these are.
            reading: options of `tidegate.read`.

        Returns:
            A frame of the kind that `data` (or the training data) was: series, time, mean, one column a quantile.
            `answer_notes_` has what is to be known of it: of a run, its verdict and critical findings.

        Raises:
            TidegateError: a column is missing, a series is too short, a known-ahead value is missing.
        """
        table, columns = self._forecast(data, future, reading, fallback)
        return to_frame(columns, timezone=table.timezone, like=self._kind(data))

    def forecast_columns(
        self, data: Any = None, *, future: Any = None, fallback: Literal["baseline"] | None = None, **reading: Any
    ) -> dict[str, Any]:
        """What `predict` returns, as name -> array with times on the local clock; needs no dataframe library."""
        table, columns = self._forecast(data, future, reading, fallback)
        return {name: local_time(values, table.timezone) for name, values in columns.items()}

    def _forecast(
        self, data: Any, future: Any, reading: Mapping[str, Any], fallback: Any = None
    ) -> tuple[Table, dict[str, Any]]:
        from tidegate.tasks.forecast.fallback import answer_ends

        self._require_fitted("spec_")
        table = self._table(data, reading)
        past, ahead = ready(self._parts(), table, future)
        columns, notes = answer_ends(self, past, ahead, fallback)
        self.answer_notes_ = (*ahead.notes, *self.standing().notes(), *notes)
        return past, columns

    def standing(self) -> Standing:
        """The verdict on the run's test part and its critical findings; of a model without its run, nothing."""
        from tidegate.tasks.standing import Standing

        tested = getattr(self, "evaluated_", None)
        if tested is not None:
            return Standing(tested.evaluation.verdict)
        found: Standing = getattr(self, "standing_", Standing())
        return found

    def stream(
        self, snapshot: bytes | None = None, *, series: str | None = None, fresh: bool = False
    ) -> ForecastStream:
        """A stream of one series that forecasts anew after each row; arguments and errors as of `ForecastModel.stream`.

        Returns:
            `tidegate.runtime.forecast.stream.ForecastStream`: `update(values)`, `snapshot()`, `restore(snapshot)`.
        """
        from tidegate.runtime.forecast.ends import context_rows
        from tidegate.runtime.forecast.model import ForecastModel
        from tidegate.runtime.network.recurrent import Loaded

        self._require_fitted("spec_")
        if hasattr(self, "model_"):
            model: ForecastModel = self.model_
        else:
            end = partial(self.context_.tail, context_rows(self.spec_, self.preparation_, self.decoding_))
            model = ForecastModel(self.spec_, Loaded(self.fitted_.weights), self.decoding_, self.preparation_, end)
        return model.stream(snapshot, series=series, fresh=fresh)

    def attention_weights(self, data: Any = None, *, future: Any = None, **reading: Any) -> Frame:
        """Where the forecast of `predict` with the same arguments looks, where the network has attention (guide 6.2).

        Returns:
            A frame: series, time, [ahead,] weight; see `tidegate.tasks.explain.attention`.

        Raises:
            ConfigError: the network has no attention. TidegateError: as `predict`.
        """
        from tidegate.tasks.explain.attention import attention_columns

        self._require_fitted("spec_")
        table = self._table(data, reading)
        table, ahead = ready(self._parts(), table, future)
        columns = attention_columns(self.run_, self._parts(), table, ahead.known)
        return to_frame(columns, timezone=table.timezone, like=self._kind(data))

    def future_frame(self, data: Any = None, **reading: Any) -> Frame:
        """The rows to fill in with known-ahead covariates before `predict`: series, time, and empty columns."""
        self._require_fitted("spec_")
        table = self._table(data, reading)
        return to_frame(future_columns(self._parts(), table), timezone=table.timezone, like=self._kind(data))

    def future_columns(self, data: Any = None, **reading: Any) -> dict[str, Any]:
        """What `future_frame` returns, as name -> array; needs no dataframe library."""
        self._require_fitted("spec_")
        table = self._table(data, reading)
        columns = future_columns(self._parts(), table)
        return {name: local_time(values, table.timezone) for name, values in columns.items()}

    def evaluate(
        self, data: Any = None, *, part: str = "test", ridge: bool = True, baselines: Asked = (), **reading: Any
    ) -> Evaluation:
        """Score every window of a part beside the baselines, with a verdict.

        Args:
            data: new rows to score all of; None takes a part of the table it was fitted on.
            part: `test` or `validation`.
            ridge: whether ridge regression, fitted on the training part, is among the baselines.
            baselines: further ones, as of `fit`; of more than 200 windows 200 are scored then, evenly spread.
            reading: options of `tidegate.read`.

        Returns:
            `Evaluation`: print it, or see `.overall`, `.verdict`.

        Raises:
            NotFittedError: a loaded model has no training table; give it data.
            DataError: there is nothing to score.
        """
        from tidegate.tasks.forecast.evaluate import evaluate_part, evaluate_table

        self._require_fitted("spec_")
        if data is not None:
            return evaluate_table(self, self._table(data, reading), baselines)
        self._require_fitted("fitted_")
        if not self.fitted_.split.rows(part):
            raise DataError(
                tr("the split has no {part} part: fit with {part}=0.2, or give evaluate() new rows", part=part)
            )
        return evaluate_part(self, part, ridge=ridge, more=baselines).evaluation

    def explain(
        self, data: Any = None, *, at: Any = None, series: str | None = None, target: str | None = None,
        metric: Any = "mae", block: int | None = None, sample: int = 128, background: int = 32, **reading: Any,
    ) -> Explanation:  # fmt: skip
        """Explain what one forecast and the model as a whole look at, each answer with its check.

        Args:
            data: rows that hold the forecast's window; None takes the table it was fitted on, or the end of it that was
                saved.
            at, series, target: time of the first forecast step, the series and the target; None takes the steps after
                the end, and the first.
            metric, block, sample, background: see `tidegate.tasks.explain.forecast.explain_forecast`.
            reading: options of `tidegate.read`.

        Returns:
            `Explanation`: print it, or see `.attributions`, `.importance`, `.gates`, `.faithfulness`.

        Raises:
            DataError: the data have no such forecast. ConfigError: an option that cannot work.
        """
        from tidegate.tasks.explain.forecast import explain_forecast

        self._require_fitted("spec_")
        options = {"target": target, "metric": metric, "block": block, "sample": sample, "background": background}
        return explain_forecast(self, self._table(data, reading), at=at, series=series, **options)

    def _trainee(self) -> Trainee:
        from tidegate.tasks.diagnose.forecast import ForecastTrainee

        return ForecastTrainee(self)

    def retrained(self, changes: Mapping[str, Any]) -> Forecaster:
        """A new forecaster, fitted on the same data and parts with some options changed."""
        from tidegate.tasks.diagnose.forecast import retrained

        self._require_fitted("fitted_")
        found: Forecaster = retrained(self, changes)
        return found

    def intervals(
        self, *, level: float = 80, part: str = "test", method: str | None = None, rate: float = 0.05
    ) -> Intervals:
        """Coverage, width and score of intervals that are plain, calibrated, or adaptive; see `tasks.intervals`.

        Args:
            level: percent. part: `test` or `validation`. method: `plain`, `split`, `adaptive`; None gives all.
            rate: how fast the adaptive ones follow.
        """
        from tidegate.tasks.forecast.intervals import intervals

        return intervals(self, level=level, part=part, method=method, rate=rate)

    def backtest(self, data: Any = None, **how: Any) -> Backtest:
        """Train and forecast again from one cutoff after the other; see `tidegate.backtest`."""
        from tidegate.tasks.resample.backtest import backtest
        from tidegate.tasks.resample.forecasts import Backtest

        found = backtest(self, data, **how)
        assert isinstance(found, Backtest)  # of a forecaster
        return found

    def audit(self, data: Any = None, **how: Any) -> Audit:
        """Prove that no forecast depends on what comes after it; see `tidegate.audit`."""
        from tidegate.tasks.audit.audit import audit

        return audit(self, data, **how)

    def _parts(self) -> Any:
        from types import SimpleNamespace

        return SimpleNamespace(spec=self.spec_, decoding=self.decoding_, preparation=self.preparation_)

    def _table(self, data: Any, reading: Mapping[str, Any]) -> Table:
        if data is None:
            table: Table = self.context_ if hasattr(self, "context_") else self.model_.context()
            return table
        own, how = self.preparation_, {**self.reading_, **reading}
        columns = {name: getattr(own.schema, name) for name in ("known", "observed", "static")}
        return read_like(data, own.schema, own.timezone, own.frequency, how, **columns)

    def check(self) -> ForecastOptions:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""
        return check_options(self)
