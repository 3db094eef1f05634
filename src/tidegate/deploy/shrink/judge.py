"""What forms of one model score on the test part of its run, so that they are compared on the same examples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.translate import tr
from tidegate.data.windows import origins as part_origins
from tidegate.evaluate.label.metrics.bootstrap import resampled, unit_sums, units_of
from tidegate.evaluate.significance import interval
from tidegate.prepare.sequence.targets import ClassLabels, as_numbers
from tidegate.runtime.detect.walk import walk
from tidegate.runtime.forecast.decode import forecast
from tidegate.runtime.label.decode import choose, probabilities
from tidegate.runtime.model import Model
from tidegate.runtime.network.network import run_network

MOST_WINDOWS = 2_000  # of a test part that are forecast, evenly spread
MOST_TOKENS = 50_000
BLOCKS = 200  # at most so many stretches of rows are drawn

METRICS = {
    "forecaster": "mae",
    "classifier": "accuracy",
    "regressor": "rmse",
    "language": "nats_per_token",
    "detector": "error",
}

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Losses:
    """What one form of a model lost on each of M examples.

    Attributes:
        metric: "mae", "rmse", "accuracy", "nats_per_token" or "error". loss: [M]; squares of "rmse", 1 where "accuracy"
            is right. unit: [M] which of them stand or fall together.
    """

    metric: str
    loss: Array
    unit: NDArray[Any]

    def value(self) -> float:
        """The metric."""
        mean = float(np.mean(self.loss))
        return mean**0.5 if self.metric == "rmse" else mean

    def worse(self, other: Losses) -> tuple[float, float, float]:
        """By what share of its value `other` is worse, and the low and high of a 95 % interval of that."""
        unit, units = units_of(self.unit, len(self.loss))
        sums = unit_sums(np.stack([self.loss, other.loss], axis=1), unit, units)
        drawn = resampled(sums)
        return (float(self._share(sums.sum(axis=0))), *interval(self._share(drawn.T), units))

    def _share(self, sums: Array) -> Any:
        """Of sums of both [2, ...]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(sums[0] == sums[1], 1.0, sums[1] / sums[0])
        if self.metric == "accuracy":
            return 1 - ratio
        return (np.sqrt(ratio) if self.metric == "rmse" else ratio) - 1


def judge(run: Any, model: Model[Any, Any]) -> Losses:
    """Losses of a form of a run's model on the run's test part.

    Args:
        run: the estimator, as `tidegate.open_run` gives it. model: the form, as the runtime loads it.

    Raises:
        DataError: the run has no test part.
    """
    own: Any = model
    return _JUDGES[own.task](run, own)


def _forecaster(run: Any, model: Any) -> Losses:
    fitted, spec = run.fitted_, model.spec
    window = int(spec.window + run.preparation_.lead)
    found = part_origins(fitted.table, fitted.split, "test", window=window, horizon=model.decoding.horizon)
    _require(len(found))
    origins = found[np.unique(np.linspace(0, len(found) - 1, MOST_WINDOWS).astype(np.int64))]
    prepared = model.preparation.apply(fitted.table)
    made = forecast(partial(run_network, spec, model.weights), spec, model.decoding, prepared, origins)
    actual = prepared.raw_target(origins, model.decoding.horizon)
    error = np.abs(made.mean - actual)
    if actual.shape[2] > 1:  # each target in its own deviations
        error = error / np.maximum(np.nanstd(actual, axis=(0, 1)), 1e-12)
    known = np.isfinite(error).any(axis=(1, 2))
    loss = np.nanmean(error[known], axis=(1, 2))
    length = max(model.decoding.horizon, -(-len(fitted.table) // BLOCKS))
    return Losses("mae", loss, origins[known] // length)


def _labels(run: Any, model: Any) -> Losses:
    from tidegate.tasks.label.evaluate import answered

    test = run.fitted_.parts.test
    _require(len(test))
    before = run.model_
    run.model_ = model
    try:
        sequences, actual, found, _ = answered(run, run.fitted_.sequences.take(test))
    finally:
        run.model_ = before
    units = np.array(sequences.ids, dtype=object) if sequences.groups is None else sequences.groups
    if model.deciding.per_step:
        units = np.repeat(units, sequences.lengths)
    if isinstance(model.labels, ClassLabels):
        chosen = choose(probabilities(found, model.labels, model.deciding), model.labels, model.deciding)
        right = chosen == (model.labels.encode(actual) > 0 if model.labels.multiple else model.labels.encode(actual))
        return Losses("accuracy", right.reshape(len(right), -1).mean(axis=1), units)
    values, estimates = as_numbers(actual, model.labels.names), model.labels.decode(found)
    scale = np.std(values, axis=0) if values.shape[1] > 1 else 1.0
    return Losses("rmse", np.square((estimates - values) / scale).mean(axis=1), units)


def _language(run: Any, model: Any) -> Losses:
    window = int(run.check().window)
    tokens = run.fitted_.numbers["test"][:MOST_TOKENS]
    _require(len(tokens) > window)
    rows = tokens[: (len(tokens) - 1) // window * window + 1]
    read, said = rows[:-1].reshape(-1, window), rows[1:].reshape(-1, window)
    parts = []
    for first in range(0, len(read), 32):
        scores = run_network(model.spec, model.weights, read[first : first + 32]).values[:, :, 0].astype(np.float64)
        top = scores.max(axis=2, keepdims=True)
        total = np.log(np.exp(scores - top).sum(axis=2)) + top[..., 0]
        parts.append(total - np.take_along_axis(scores, said[first : first + 32, :, None].astype(np.int64), 2)[..., 0])
    loss = np.concatenate(parts).mean(axis=1)
    return Losses("nats_per_token", loss, np.arange(len(loss)))


def _detector(run: Any, model: Any) -> Losses:
    fitted = run.fitted_
    rows = np.concatenate([np.arange(a, b) for a, b in fitted.split["test"].tolist()])
    errors = np.abs(walk(model, fitted.table).errors[rows])
    known = np.isfinite(errors).all(axis=(1, 2))
    _require(int(known.sum()))
    loss = errors[known].mean(axis=(1, 2))
    return Losses("error", loss, rows[known] // max(1, -(-len(rows) // BLOCKS)))


def _require(amount: int) -> None:
    if not amount:
        raise DataError(tr("the run has no test part, or one too short, to judge smaller forms of its model on"))


_JUDGES = {
    "forecaster": _forecaster,
    "classifier": _labels,
    "regressor": _labels,
    "language": _language,
    "detector": _detector,
}
