"""A trained detector that needs numpy and the native engine alone: whole tables, and streams."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact, read_artifact
from tidegate.artifacts.atomic import existing_folder
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema
from tidegate.prepare.online import OnlinePreparation
from tidegate.runtime.detect.levels import COUNT
from tidegate.runtime.detect.ranks import BINS
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.detect.streams import KINDS, Streams
from tidegate.runtime.network.recurrent import Loaded

TASK = "detector"
ENDS = "end."  # arrays of the context that hold the state of the fitted series

Array = NDArray[Any]


@dataclass(frozen=True)
class Detector:
    """All that detection needs. C channels, K kinds of error.

    Attributes:
        spec, weights: the network. preparation: how values become its inputs. rules: how errors become alarms.
        base: [C, K] an ordinary error of each kind.
        counts, total: [C, K, bins] and [C, K], the errors that a new stream begins with.
        levels: [J] how many steps were as rare as each level, for a new stream to begin with.
        ends: state of the fitted series after their last row, by name; empty where it was not kept.
        schema, frequency: of the fitted table.
    """

    spec: NetworkSpec
    weights: Loaded
    preparation: OnlinePreparation
    rules: Rules
    base: NDArray[np.float64]
    counts: NDArray[np.float32]
    total: NDArray[np.float64]
    levels: NDArray[np.float64]
    schema: Schema
    frequency: Frequency
    ends: Mapping[str, Array]

    @property
    def fingerprint(self) -> str:
        """What a snapshot of a stream must agree with: a hash of the weights and of the kind of streams."""
        about = [self.preparation.to_json(), self.rules.to_json(), self.spec.model_dump(mode="json")]
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for name in sorted(self.weights):
            digest.update(name.encode() + np.ascontiguousarray(self.weights[name]).tobytes())
        return digest.hexdigest()

    def streams(self, names: Sequence[str]) -> Streams:
        """New streams of these series; a name that was not fitted takes the scale of all series together."""
        return Streams(self, np.array([self.preparation.place(name) for name in names], dtype=np.int64))

    def continued(self, names: Sequence[str]) -> Streams:
        """Streams that go on where the fitted table ended.

        Raises:
            KeyError: a series was not fitted, or its end was not kept.
        """
        found = self.streams(names)
        where = [self.preparation.series.index(name) for name in names]
        found.restore({name: values[where] for name, values in self.ends.items()})
        return found

    @classmethod
    def load(cls, path: str | Path) -> tuple[Detector, Artifact]:
        """Read a model's folder, or a run folder that has one.

        Raises:
            ArtifactError: it is missing, damaged, tampered with, of a newer format, or no detector.
        """
        folder = Path(path)
        if not (folder / "model.json").exists() and existing_folder(folder / "model").is_dir():
            folder = folder / "model"
        artifact = read_artifact(folder)
        return cls.of(artifact), artifact

    @classmethod
    def of(cls, artifact: Artifact) -> Detector:
        """The detector in an artifact.

        Raises:
            ArtifactError: it is no detector, or its parts do not fit each other.
        """
        record = artifact.record
        if record.task != TASK:
            raise ArtifactError(f"model.json: task is {record.task!r}; expected {TASK!r}")
        preparation, rules = OnlinePreparation.from_json(artifact.preparation), Rules.from_json(record.decoding)
        try:
            schema, frequency = Schema.from_json(record.schema_), Frequency.from_json(record.frequency)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json: schema or frequency cannot be read: {error}") from error
        _check_network(record.network, preparation, rules)
        context, channels = artifact.context, len(preparation.channels)
        base = _array(context, "base", (channels, KINDS), np.float64)
        counts = _array(context, "counts", (channels, KINDS, BINS), np.float32)
        levels = _array(context, "levels", (COUNT,), np.float64)
        if not (base > 0).all() or not (counts >= 0).all():
            raise ArtifactError("context.safetensors: ordinary errors must be positive, and counts not negative")
        if not (levels >= 0).all() or (np.diff(levels) > 0).any():
            raise ArtifactError("context.safetensors: levels must fall, and not below 0")
        ends = {name[len(ENDS) :]: values for name, values in context.items() if name.startswith(ENDS)}
        found = cls(
            record.network,
            Loaded(artifact.weights),
            preparation,
            rules,
            base,
            counts,
            counts.sum(axis=-1, dtype=np.float64),
            levels,
            schema,
            frequency,
            ends,
        )
        if ends:
            check_state(found, ends, len(preparation.series), "context.safetensors")
        return found


def check_state(detector: Detector, found: Mapping[str, Array], streams: int, where: str) -> None:
    """Refuse a state that is not one of so many streams of this detector.

    Raises:
        ArtifactError: an array is missing, extra, of another shape or type.
    """
    expected = detector.streams([""]).export()
    if set(found) != set(expected):
        raise ArtifactError(f"{where}: arrays are {sorted(found)}, expected {sorted(expected)}")
    for name, like in expected.items():
        shape = (streams, *like.shape[1:])
        if found[name].shape != shape or found[name].dtype != like.dtype:
            raise ArtifactError(
                f"{where}: {name} is {found[name].dtype} {list(found[name].shape)}, expected {like.dtype} {list(shape)}"
            )


def _check_network(spec: NetworkSpec, preparation: OnlinePreparation, rules: Rules) -> None:
    channels = len(preparation.channels)
    forecast = rules.method == "forecast"
    inputs = len(preparation.input_names) if forecast else channels
    last = "head" if forecast else "decoder"
    kinds = {layer.kind for layer in spec.layers} - {"dropout"}
    fits = kinds == {"recurrent", "pool", last} and spec.find("pool").by == "last"
    fits = fits and (spec.past, spec.targets, spec.outputs, spec.future, spec.static) == (inputs, channels, 1, 0, 0)
    fits = fits and spec.horizon == (1 if forecast else spec.window) and spec.anchor == int(forecast)
    fits = fits and spec.channels == "joint" and not spec.encoder.bidirectional and not spec.find(last).lags
    if not forecast:
        decoder = spec.find("decoder")
        fits = fits and decoder.attention is None and decoder.feedback is None
    if not fits:
        raise ArtifactError(f"model.json: network: it is not one that a detector by {rules.method} can run")
    if preparation.calendar and preparation.step is None:
        raise ArtifactError("preparation.json: a calendar needs the step between rows")


def _array(context: Mapping[str, Array], name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    found = context.get(name)
    if found is None or found.shape != shape or found.dtype != dtype or not np.isfinite(found).all():
        raise ArtifactError(f"context.safetensors: {name} is missing, or not finite {np.dtype(dtype)} {list(shape)}")
    return found
