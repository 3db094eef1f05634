"""A trained detector that needs numpy and the native engine alone: whole tables, and streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError
from tidegate.core.frequency import Frequency
from tidegate.core.table import Schema, Table
from tidegate.prepare.online import OnlinePreparation
from tidegate.runtime.detect.ranks import BINS, COUNT, TINY
from tidegate.runtime.detect.rules import Rules
from tidegate.runtime.detect.stream import DetectStream, open_stream
from tidegate.runtime.detect.streams import KINDS, LARGEST_COUNT, Streams
from tidegate.runtime.detect.walk import Walked, walk
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.state import Expected, check_state, fingerprint

TASK = "detector"
ENDS = "end."  # arrays of the context that hold the state of the fitted series

Array = NDArray[Any]


@dataclass(frozen=True)
class Detector(Model[Table, Walked]):
    """All that detection needs. C channels, K kinds of error.

    Attributes:
        spec, weights: the network. preparation: how values become its inputs. rules: how errors become alarms.
        base: [C, K] an ordinary error of each kind.
        counts: [C, K, bins], the errors that a new stream begins with. total: [C, K], their sums.
        levels: [J, 15] how many steps of each group of channels were as rare as each level, for a new stream to begin
            with.
        ends: state of the fitted series after their last row, by name; empty where it was not kept.
        schema, frequency: of the fitted table.
    """

    spec: NetworkSpec
    weights: Loaded
    preparation: OnlinePreparation
    rules: Rules
    base: NDArray[np.float64]
    counts: NDArray[np.float32]
    levels: NDArray[np.float64]
    schema: Schema
    frequency: Frequency
    ends: Mapping[str, Array]

    @property
    def task(self) -> str:
        return TASK

    @cached_property
    def total(self) -> NDArray[np.float64]:
        return np.asarray(self.counts.sum(axis=-1, dtype=np.float64))

    @cached_property
    def fingerprint(self) -> str:
        """What a snapshot of a stream must agree with."""
        return fingerprint(self.spec, self.weights, self.preparation.to_json(), self.rules.to_json())

    def predict(self, data: Table) -> Walked:
        """Score every row of every series, in order; each series is a new stream.

        Raises:
            DataError: an infinite value.
        """
        return walk(self, data)

    def stream(self, snapshot: bytes | None = None, **how: Any) -> DetectStream:
        """One stream or many; arguments and errors as of `AnomalyDetector.stream`."""
        return open_stream(self, snapshot, **how)

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
    def of(cls, artifact: Artifact) -> Detector:
        """The detector in an artifact.

        Raises:
            ArtifactError: it is no detector, or its parts do not fit each other.
        """
        require_task(artifact, (TASK,))
        record = artifact.record
        preparation, rules = OnlinePreparation.from_json(artifact.preparation), Rules.from_json(record.decoding)
        try:
            schema, frequency = Schema.from_json(record.schema_), Frequency.from_json(record.frequency)
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"model.json: schema or frequency cannot be read: {error}") from error
        _check_network(record.network, preparation, rules)
        context, channels, groups = artifact.context, len(preparation.channels), _groups(preparation, rules)
        own = {
            "base": Expected((channels, KINDS), np.float64, TINY),
            "counts": Expected((channels, KINDS, BINS), np.float32, 0, LARGEST_COUNT),
            "levels": Expected((groups, COUNT), np.float64, 0, LARGEST_COUNT, falling=True),
        }
        measures = {name: values for name, values in context.items() if not name.startswith((ENDS, "profile."))}
        if "levels" in measures and measures["levels"].ndim == 1:  # of an artifact from before there were groups
            measures["levels"] = measures["levels"][None]
        check_state(measures, own, "context.safetensors")
        base, counts, levels = (measures[name] for name in own)
        ends = {name[len(ENDS) :]: values for name, values in context.items() if name.startswith(ENDS)}
        found = cls(
            record.network, Loaded(artifact.weights), preparation, rules, base, counts, levels, schema, frequency, ends
        )
        if "levels" in ends and ends["levels"].ndim == 2:
            ends["levels"] = ends["levels"][:, None]
        if ends:
            check_state(ends, found.streams([""]).expected(len(preparation.series)), "context.safetensors")
        return found


def _groups(preparation: OnlinePreparation, rules: Rules) -> int:
    """How many groups of channels there are; each channel must be in one of them."""
    named = [name for own in rules.groups.values() for name in own]
    if rules.groups and sorted(named) != sorted(preparation.channels):
        raise ArtifactError("model.json: decoding: groups do not hold every channel once")
    return max(len(rules.groups), 1)


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
    if not forecast and preparation.columns != preparation.channels:
        raise ArtifactError("preparation.json: a reconstruction reads no covariates")
    if preparation.calendar and preparation.step is None:
        raise ArtifactError("preparation.json: a calendar needs the step between rows")
