"""A loaded model: forecasts with numpy alone, no torch and no dataframe library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact, read_model
from tidegate.core.errors import ArtifactError, DataError, SchemaError, SplitError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.prepare.table.preparation import Preparation
from tidegate.prepare.table.prepared import Prepared
from tidegate.runtime.forecast.context import unpack_context
from tidegate.runtime.forecast.decode import Decoding, Forecast, forecast
from tidegate.runtime.network.network import Output, run_network
from tidegate.runtime.network.recurrent import Loaded

TASK = "forecaster"
LONGEST_HORIZON = 65_536


@dataclass(frozen=True)
class SeriesForecast:
    """Forecasts of the steps after the end of every series.

    Attributes:
        ids: [G]. targets: [C] names.
        time: [G, K] times, or the steps' numbers from 1 where the data do not say when the next rows come.
        values: means [G, K, C] and quantiles [G, K, C, Q], in the target's unit.
    """

    ids: tuple[str, ...]
    time: NDArray[Any]
    targets: tuple[str, ...]
    values: Forecast


class Predictor:
    """A trained forecaster that needs numpy only.

    Attributes:
        artifact: what was read. schema, frequency: of the fitted table.
        spec: the network's. decoding: how its outputs become forecasts.
        preparation: the fitted preparation.
        weights: the network's tensors, as the engine likes them.
    """

    def __init__(self, artifact: Artifact) -> None:
        record = artifact.record
        if record.task != "forecaster":
            raise ArtifactError(f"model.json: task is {record.task!r}; a 'forecaster' is needed here")
        self.artifact = artifact
        self.spec = record.network
        if record.task != TASK:
            raise ArtifactError(f"model.json: task is {record.task!r}; expected {TASK!r}")
        try:
            self.schema = Schema.from_json(record.schema_)
            self.frequency = Frequency.from_json(record.frequency)
            self.decoding = Decoding(
                horizon=int(record.decoding["horizon"]),
                point=bool(record.decoding["point"]),
                quantiles=tuple(float(level) for level in record.decoding["quantiles"]),
                calibration=artifact.context.get("calibration"),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json: schema, frequency or decoding cannot be read: {error}") from error
        self.preparation = Preparation.from_json(artifact.preparation)
        if not self.spec.forecasts:
            end = self.spec.layers[-1].kind
            raise ArtifactError(f"model.json: network ends in a {end}; a forecaster's ends in a head or a decoder")
        self._check()
        self.weights = Loaded(artifact.weights)

    @classmethod
    def load(cls, path: str | Path) -> Predictor:
        """Read a model's folder, or a run folder that has one.

        Raises:
            ArtifactError: it is missing, damaged, tampered with or of a newer format.
        """
        return cls(read_model(path))

    def _check(self) -> None:
        spec, decoding, preparation = self.spec, self.decoding, self.preparation
        found = (len(preparation.past_names), len(preparation.future_names), len(preparation.static_names))
        if found != (spec.past, spec.future, spec.static) or len(preparation.target_names) != spec.targets:
            raise ArtifactError(
                f"preparation.json gives {found} inputs, the network takes {spec.past, spec.future, spec.static}"
            )
        if decoding.outputs != spec.outputs or decoding.horizon < 1 or decoding.horizon % spec.horizon:
            raise ArtifactError("model.json: decoding does not fit the network's outputs or horizon")
        if decoding.horizon > LONGEST_HORIZON or not all(0 < level < 1 for level in decoding.quantiles):
            raise ArtifactError(f"model.json: decoding: a horizon above {LONGEST_HORIZON}, or quantiles beyond 0 to 1")
        shape = (spec.horizon, spec.targets, spec.outputs)
        if decoding.calibration is not None and decoding.calibration.shape != shape:
            raise ArtifactError(f"context.safetensors: calibration has shape {decoding.calibration.shape}, not {shape}")
        if decoding.calibration is not None and not np.isfinite(decoding.calibration).all():
            raise ArtifactError("context.safetensors: calibration holds values that are not finite")

    @property
    def rows(self) -> int:
        """Past rows of a series that a forecast may look at, window and lags included."""
        return context_rows(self.spec, self.preparation)

    def context(self) -> Table:
        """The last rows of the table that the model was fitted on.

        Raises:
            DataError: the model was saved without them.
        """
        about = self.artifact.record.context
        if not about:
            raise DataError("this model was saved without the end of its training table; give predict() a table")
        arrays = {name: value for name, value in self.artifact.context.items() if name != "calibration"}
        return unpack_context(about, arrays, self.schema, self.frequency, self.artifact.record.timezone)

    def run(self, past: NDArray[Any], future: NDArray[Any], static: NDArray[Any]) -> Output:
        """The network on a batch of prepared windows."""
        return run_network(self.spec, self.weights, past, future, static)

    def predict(self, table: Table | None = None, known: Mapping[str, NDArray[Any]] | None = None) -> SeriesForecast:
        """Forecast the steps after the end of every series.

        Args:
            table: past rows; None takes the end of the training table.
            known: known-ahead covariates of the K steps, name -> [G, K].

        Raises:
            SchemaError, DataError, SplitError: see `predict_ends`.
        """
        return predict_ends(self.run, self, self.context() if table is None else table, known)


def context_rows(spec: Any, preparation: Preparation) -> int:
    """Rows before an origin that prediction can depend on: the window, its fill and the difference's lag."""
    return 2 * int(spec.window) + preparation.history + (preparation.season or 0)


def needed_rows(spec: Any, preparation: Preparation) -> int:
    """Rows that a series must have before its forecast: the window, and the lag of a differenced target."""
    lag = preparation.history if preparation.options.target_transform == "difference" else 0
    return int(spec.window) + lag


def predict_ends(
    run: Any,
    model: Any,
    table: Table,
    known: Mapping[str, NDArray[Any]] | None = None,
    time: NDArray[Any] | None = None,
) -> SeriesForecast:
    """Forecast the steps after the end of every series of a table.

    Args:
        run: the network. model: has `spec`, `decoding` and `preparation`.
        table: past rows. known: known-ahead covariates of the K steps, name -> [G, K]. time: [G, K] the steps' times,
            where rows keep no regular step and they are known.

    Raises:
        SchemaError: a known-ahead covariate is not given, or given under an unknown name.
        DataError: it is missing at a forecast step.
        SplitError: a series is shorter than the window.
    """
    spec, decoding = model.spec, model.decoding
    ahead, prepared, origins = prepare_ends(model, table, known, time)
    values = forecast(run, spec, decoding, prepared, origins)
    steps = np.arange(decoding.horizon, dtype=np.int64)
    if time is None and not table.continues:
        time = np.tile(steps + 1, (len(table.ids), 1))  # counted: no time is made up
    elif time is None:
        time = ahead.time[origins[:, None] + steps]
    return SeriesForecast(table.ids, time, model.preparation.target_names, values)


def prepare_ends(
    model: Any, table: Table, known: Mapping[str, NDArray[Any]] | None = None, time: NDArray[Any] | None = None
) -> tuple[Table, Prepared, NDArray[np.int64]]:
    """What a forecast after the end of every series looks at; arguments and errors as of `predict_ends`.

    Returns:
        The end of the table with the steps to forecast after it, the same prepared, and [G] the first of these steps.
    """
    spec, decoding, preparation = model.spec, model.decoding, model.preparation
    known = dict(known or {})
    missing = [name for name in preparation.schema.known if name not in known]
    if missing:
        raise SchemaError(
            f"column {missing[0]!r} is known ahead: give its values for the {decoding.horizon} steps to forecast "
            "(future=...; future_frame() makes the rows to fill in)"
        )
    need = needed_rows(spec, preparation)
    short = int(np.argmin(table.lengths))
    if table.lengths[short] < need:
        raise SplitError(
            f"series {table.ids[short]!r} has {table.lengths[short]} rows; "
            f"a forecast looks at {need} before it (window {spec.window})"
        )
    ahead = table.tail(context_rows(spec, preparation)).extend(decoding.horizon, known, time)
    origins = ahead.starts[1:] - decoding.horizon
    prepared = preparation.apply(ahead)
    prepared.check_future(origins, decoding.horizon)
    return ahead, prepared, origins
