"""A trained classifier or regressor: answers with numpy alone, no torch and no dataframe library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ArtifactError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.prepare.sequence.preparation import PreparedSequences, SequencePreparation
from tidegate.prepare.sequence.prepared import Spans
from tidegate.prepare.sequence.targets import ClassLabels, Labels, read_labels
from tidegate.runtime.label.decode import (
    MOST_AT_ONCE,
    STEPS_AT_ONCE,
    Answered,
    Deciding,
    Margins,
    answers,
    half_widths,
    outputs,
)
from tidegate.runtime.label.stream import LabelStream
from tidegate.runtime.limits import FLOAT, check_room, network_bytes, require_finite
from tidegate.runtime.model import Model, require_task
from tidegate.runtime.network.network import Output, run_network
from tidegate.runtime.network.recurrent import Loaded

ENDS = ("tag", "label", "series")
TASKS = ("classifier", "regressor")


@dataclass(frozen=True)
class LabelModel(Model[Sequences, Answered]):
    """A trained classifier or regressor that needs numpy only.

    Attributes:
        spec: the network's. weights: its tensors, as the engine likes them.
        preparation: of the inputs. labels: what is predicted for a sequence. deciding: how outputs become answers.
        margins: of a regressor, the errors that intervals are made of.
    """

    spec: NetworkSpec
    weights: Loaded
    preparation: SequencePreparation
    labels: Labels
    deciding: Deciding
    margins: Margins | None = None

    @property
    def task(self) -> str:
        return TASKS[0] if isinstance(self.labels, ClassLabels) else TASKS[1]

    @classmethod
    def of(cls, artifact: Artifact) -> LabelModel:
        task, record = require_task(artifact, TASKS), artifact.record
        try:
            inputs, labels = artifact.preparation["inputs"], artifact.preparation["labels"]
        except KeyError as error:
            raise ArtifactError(f"preparation.json: {error} is missing") from error
        preparation, decoded = SequencePreparation.from_json(inputs), Deciding.from_json(record.decoding)
        named = read_labels(labels)
        margins = Margins.from_arrays(artifact.context, named.outputs)
        found = cls(record.network, Loaded(artifact.weights), preparation, named, decoded, margins)
        if found.task != task:
            raise ArtifactError("preparation.json: the labels do not fit the task")
        found._check()
        return found

    def _check(self) -> None:
        spec = self.spec
        if spec.outputs != self.labels.outputs or spec.past != len(self.preparation.input_names):
            raise ArtifactError("preparation.json: inputs or labels do not fit the network")
        if self.deciding.per_step != (spec.find("tag") is not None) or spec.layers[-1].kind not in ENDS:
            raise ArtifactError("model.json: the network does not end in what the decoding says")
        tokens, frames = spec.find("tokens"), spec.find("frames")
        if (tokens.vocabulary if tokens else 0) != self.preparation.vocabulary or (
            (frames.height, frames.width, frames.colours) if frames else None
        ) != self.preparation.frame:
            raise ArtifactError("preparation.json: tokens or frames do not fit the network")
        limit = self.labels.outputs if isinstance(self.labels, ClassLabels) and self.labels.multiple else 1
        if len(self.deciding.thresholds) not in (0, limit):
            raise ArtifactError("model.json: decoding: as many thresholds as labels, or one of two classes")

    def run(self, past: NDArray[Any], lengths: NDArray[np.int64] | None) -> Output:
        """The network on a batch of prepared stretches."""
        return run_network(self.spec, self.weights, past, lengths=lengths)

    def outputs(
        self, sequences: Sequences, prepared: PreparedSequences | None = None, spans: Spans | None = None
    ) -> NDArray[np.float32]:
        """The network's outputs, [M, O], or [N, O] for the steps; spans: other stretches of rows than it would take.

        Raises:
            SchemaError, DataError: the sequences are not of the kind that the model was fitted on.
            ConfigError: they would take more memory than one prediction may.
        """
        prepared = self.preparation.apply(sequences) if prepared is None else prepared
        per_step = self.deciding.per_step
        spans = self.deciding.spans(prepared.starts, np.arange(len(sequences))) if spans is None else spans
        longest = int(spans.lengths.max(initial=1))
        rows = max(1, min(len(spans), MOST_AT_ONCE, STEPS_AT_ONCE // longest))
        answered = int(spans.lengths.sum()) if per_step else len(spans)
        batch = network_bytes(self.spec, rows, longest, longest if per_step else 1)
        check_room(batch + 6 * FLOAT * answered * self.spec.outputs, f"an answer for {len(spans)} sequences")
        found = outputs(self.run, prepared, spans, per_step=per_step)
        message = (
            "the network's outputs are not finite numbers: sequences hold values far beyond those of the training, or "
            "the model's weights are damaged"
        )
        require_finite(found, tr(message))
        return found

    def predict(self, data: Sequences) -> Answered:
        """Answer for every sequence, or for every step of them; errors as of `outputs`."""
        prepared = self.preparation.apply(data)
        return Answered(prepared, *answers(self.outputs(data, prepared), self.labels, self.deciding))

    def margin(self, level: float) -> NDArray[np.float64]:
        """[P] half-widths of an interval of a level in percent around what a regressor estimates.

        Raises:
            ConfigError: a classifier, or as of `tidegate.runtime.label.decode.Margins.at`.
        """
        return half_widths(self.margins, level)

    def stream(self, snapshot: bytes | None = None, *, streams: int | None = None) -> LabelStream:
        """Sequences that come one step at a time, each answered for as it stands then.

        Args:
            snapshot: bytes of `LabelStream.snapshot()` to go on from; `streams` must be what it was there.
            streams: so many at once, whose values come together; None for one, whose values and answers are single.

        Raises:
            ConfigError: the network looks at whole sequences (bidirectional, or pooled by attention or mean), and the
                model has no window either. ArtifactError: a snapshot that is none.
        """
        found = LabelStream(self, streams)
        if snapshot is not None:
            found.restore(snapshot)
        return found
