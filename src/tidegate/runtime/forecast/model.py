"""A trained forecaster: forecasts with numpy alone, no torch and no dataframe library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError, DataError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.core.translate import tr
from tidegate.prepare.table.preparation import Preparation
from tidegate.runtime.forecast.decode import METHODS, Decoding
from tidegate.runtime.forecast.ends import SeriesForecast, context_rows, predict_ends, unpack_context
from tidegate.runtime.forecast.stream import ForecastStream, open_stream
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.network import Output, run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.pretrained.network import Network, load_network, read_card

TASKS = ("forecaster",)
LONGEST_HORIZON = 65_536
TUNED = "pretrained"  # before the names of a fine-tuned network's tensors


def _tuned(context: Mapping[str, NDArray[Any]]) -> Network | None:
    """The fine-tuned pretrained network among an artifact's arrays; None where it is used as it is packaged.

    Raises:
        ArtifactError: tensors are missing, of another shape, or not finite.
    """
    found = {name.partition(".")[2]: own for name, own in context.items() if name.partition(".")[0] == TUNED}
    if not found:
        return None
    shapes = {name: own.shape for name, own in load_network().weights.items()}
    if {name: own.shape for name, own in found.items()} != shapes:
        raise ArtifactError("context.safetensors: the fine-tuned weights are not those of the pretrained forecaster")
    if not all(np.issubdtype(own.dtype, np.floating) and np.isfinite(own).all() for own in found.values()):
        raise ArtifactError("context.safetensors: the fine-tuned weights hold values that are not finite")
    return Network(found)


def _mixture(context: Mapping[str, NDArray[Any]]) -> NDArray[Any] | None:
    """The shares of an artifact; those of a version that knew no Theta method get a 0 for it."""
    found = context.get("mixture")
    if found is not None and found.ndim == 2 and found.shape[1] == METHODS - 1:
        return np.pad(found, ((0, 0), (0, 1)))
    return found


@dataclass(frozen=True)
class ForecastModel(Model[Table | None, SeriesForecast]):
    """A trained forecaster that needs numpy only.

    Attributes:
        spec: the network's. weights: its tensors, as the engine likes them.
        decoding: how its outputs become forecasts. preparation: the fitted preparation.
        end: gives the last rows of the table that it was fitted on; None where they were not kept.
    """

    task: ClassVar[str] = TASKS[0]
    spec: NetworkSpec
    weights: Loaded
    decoding: Decoding
    preparation: Preparation
    end: Callable[[], Table] | None = None

    @classmethod
    def of(cls, artifact: Artifact) -> ForecastModel:
        require_task(artifact, TASKS)
        record = artifact.record
        try:
            schema, frequency = Schema.from_json(record.schema_), Frequency.from_json(record.frequency)
            decoding = Decoding(
                horizon=int(record.decoding["horizon"]),
                point=bool(record.decoding["point"]),
                quantiles=tuple(float(level) for level in record.decoding["quantiles"]),
                calibration=artifact.context.get("calibration"),
                mixture=_mixture(artifact.context),
                version=str(record.decoding.get("pretrained", "")),
                tuned=_tuned(artifact.context),
                repeated=tuple(
                    tuple((float(value), float(reach)) for value, reach in own)
                    for own in record.decoding.get("repeated", ())
                ),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError(f"model.json: schema, frequency or decoding cannot be read: {error}") from error
        preparation = Preparation.from_json(artifact.preparation)
        if not record.network.forecasts:
            end = record.network.layers[-1].kind
            raise ArtifactError(f"model.json: network ends in a {end}; a forecaster's ends in a head or a decoder")
        other = ("calibration", "mixture", "profile", TUNED)
        arrays = {name: own for name, own in artifact.context.items() if name.partition(".")[0] not in other}
        kept = partial(unpack_context, record.context, arrays, schema, frequency, record.timezone)
        found = cls(record.network, Loaded(artifact.weights), decoding, preparation, kept if record.context else None)
        found._check()
        return found

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
        if (
            len(decoding.repeated) not in (0, spec.targets)
            or not np.isfinite([number for own in decoding.repeated for pair in own for number in pair]).all()
        ):
            raise ArtifactError("model.json: decoding: repeated is no list of numbers for each target")
        shape = (spec.horizon, spec.targets, spec.outputs)
        if decoding.calibration is not None and decoding.calibration.shape != shape:
            raise ArtifactError(f"context.safetensors: calibration has shape {decoding.calibration.shape}, not {shape}")
        if decoding.calibration is not None and not np.isfinite(decoding.calibration).all():
            raise ArtifactError("context.safetensors: calibration holds values that are not finite")
        if decoding.mixture is not None:
            self._check_mixture(decoding.mixture)

    def _check_mixture(self, mixture: NDArray[Any]) -> None:
        size = (self.spec.targets, METHODS)
        if mixture.shape != size or not (
            np.isfinite(mixture).all() and mixture.min() >= 0 and mixture.sum(1).max() < 1.01
        ):
            raise ArtifactError(f"context.safetensors: mixture holds no shares of shape {size}")
        here = str(read_card()["version"])
        if self.decoding.version != here:
            message = (
                "this model was fitted beside version {version} of the pretrained forecaster, and this tidegate has "
                "version {here}: fit it again, or use the tidegate that it was fitted with"
            )
            raise ArtifactError(tr(message, version=self.decoding.version, here=here))

    @property
    def rows(self) -> int:
        """Past rows of a series that a forecast may look at, window and lags included."""
        return context_rows(self.spec, self.preparation, self.decoding)

    def context(self) -> Table:
        """The last rows of the table that the model was fitted on.

        Raises:
            DataError: the model was saved without them.
        """
        if self.end is None:
            raise DataError(tr("this model was saved without the end of its training table; give predict() a table"))
        return self.end()

    def run(self, past: NDArray[Any], future: NDArray[Any], static: NDArray[Any]) -> Output:
        """The network on a batch of prepared windows."""
        return run_network(self.spec, self.weights, past, future, static)

    def predict(self, data: Table | None = None, known: Mapping[str, NDArray[Any]] | None = None) -> SeriesForecast:
        """Forecast the steps after the end of every series.

        Args:
            data: past rows; None takes the end of the training table.
            known: known-ahead covariates of the K steps, name -> [G, K].

        Raises:
            SchemaError, DataError, SplitError: see `predict_ends`.
        """
        return predict_ends(self.run, self, self.context() if data is None else data, known)

    def stream(
        self, snapshot: bytes | None = None, *, series: str | None = None, fresh: bool = False
    ) -> ForecastStream:
        """A stream of one series, which forecasts anew after each row.

        Args:
            snapshot: bytes of `ForecastStream.snapshot()` to go on from.
            series: whose rows they are; None takes the only one.
            fresh: begin without rows instead of where the fitted table ended.

        Raises:
            ConfigError: several series, and none was named; or one that is not there.
            DataError: the model was saved without the end of its table. ArtifactError: a snapshot that is none.
        """
        return open_stream(self, snapshot, series=series, fresh=fresh)
