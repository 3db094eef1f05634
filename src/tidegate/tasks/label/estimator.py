"""What a classifier and a regressor share: fit, answers, evaluation, saving."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.core.checks import Count
from tidegate.core.errors import ConfigError, DataError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.partition import Partition, partition
from tidegate.data.sequences import plain_arrays, read_sequences
from tidegate.prepare.augment import SequenceAugment
from tidegate.prepare.options import SequenceOptions
from tidegate.prepare.sequence.prepared import PreparedSequences, Spans
from tidegate.runtime.label.model import LabelModel
from tidegate.tasks.estimator import Estimator, FitCall
from tidegate.tasks.label.options import EncoderOptions, LabelChoices
from tidegate.tasks.label.reading import carried, kept
from tidegate.tasks.options import Members
from tidegate.tasks.params import SklearnTags
from tidegate.train.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from tidegate.evaluate.leaks.audit import Audit
    from tidegate.explain import Explanation
    from tidegate.runtime.label.stream import LabelStream
    from tidegate.tasks.diagnose.trainee import Trainee
    from tidegate.tasks.label.compare import Comparison, Rivals
    from tidegate.tasks.label.evaluate import LabelEvaluation
    from tidegate.tasks.resample.cross_validate import CrossValidation

Self = TypeVar("Self", bound="SequenceEstimator")


@dataclass(kw_only=True, eq=False, repr=False)
class SequenceEstimator(SklearnTags, Estimator):
    """A recurrent network that answers for sequences; `Classifier` and `Regressor` say how.

    Args:
        dropout: share of the units silenced between layers and before the output in training.
        bidirectional: read sequences both ways (guide 6.1); "auto" does where a sequence gets one label.
        window: last rows of a sequence that an answer looks at; all if None. Training uses every window of a sequence
            (each `training.stride` rows).
        ensemble_size: networks that are trained alike but for their seeds, and whose outputs are averaged. Training and
            answers take so many times as long.
        network: the finer `EncoderOptions` (pooling, normalise, branch, embed, ...), as an object or a mapping.
        preparation: `SequenceOptions` (scale, fill, tokens, vocabulary, max_length, ...).
        augment: `SequenceAugment`: how training sequences vary.
    """

    READER = staticmethod(read_sequences)

    bidirectional: bool | Literal["auto"] = "auto"
    window: Count | None = None
    ensemble_size: Members = 1
    network: EncoderOptions | Mapping[str, Any] | None = None
    preparation: SequenceOptions | Mapping[str, Any] | None = None
    augment: SequenceAugment | Mapping[str, Any] | None = None

    @abstractmethod
    def check(self) -> LabelChoices:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""

    def fit(
        self: Self, data: Any, labels: Any = None, *,
        validation: float | int = 0.15, test: float | int = 0.2, by: Any = "auto",
        out: str | Path | None = None, resume: bool = False, overwrite: bool = False, progress: bool | None = None,
        source: Mapping[str, Any] | None = None, **reading: Any,
    ) -> Self:  # fmt: skip
        """Read, split, prepare, train; with `out`, evaluate the test part and leave a run folder behind.

        Args:
            data: a path, a dataframe, arrays [n, C, T], a list of [T, C], or `Sequences`.
            labels: of arrays or lists: [n], or [n, P]; None where the data hold them.
            validation: part that chooses the epoch: a share of the sequences, or a number of them.
            test: part that is looked at once, at the end, as `validation`; 0 where there are test data of their own.
            by: how parts are drawn: `stratified` by label, `grouped` (none on both sides), `time` (the last ones) or
                `random`; "auto" takes groups where they are named, else labels.
            out: folder of the run: artifact, history, metrics, predictions, checkpoints.
            resume: go on from the checkpoints in `out`. overwrite: take the place of a run that is there.
            progress: show a bar; None does where there is a terminal.
            source: where `Sequences` came from, for the run's config.toml.
            reading: columns and options of `tidegate.read_sequences` (label, id, time, features, group, text, ...).

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        named = {} if labels is None else {"labels": labels}
        split = {"validation": validation, "test": test, "by": by}
        return self._fit(FitCall(data, named, reading, source, split, out, resume, overwrite, progress))

    def read(self, data: Any, labels: Any = None, **how: Any) -> Sequences:
        """The data as `fit` reads them: see `tidegate.read_sequences`; None takes those it was fitted on."""
        if data is None:
            self._require_fitted("fitted_")
            own: Sequences = self.fitted_.sequences
            return own
        how |= {} if labels is None else {"labels": labels}
        if not isinstance(data, Sequences):
            return read_sequences(data, **how)
        if how:
            raise ConfigError(
                tr("{how}: the data are Sequences already; give these to tidegate.read_sequences()", how=", ".join(how))
            )
        return data

    def _train(self, examples: Sequences, call: FitCall, progress: Progress) -> None:
        if getattr(call.data, "ndim", 0) == 2 and isinstance(plain_arrays(call.data), np.ndarray):
            self.columns_ = call.data.shape[1]
        parts = partition(examples, **call.split, seed=self.seed)
        self._fit_parts(examples, parts, progress)
        self.reading_ = kept(call.read_with(), examples)

    def _read_how(self, call: FitCall) -> Mapping[str, Any]:
        return self.reading_

    def _kept(self) -> dict[str, bytes]:
        from tidegate.tasks.label.run import SEEN, pack_seen

        return {SEEN: pack_seen(self.fitted_.seen)}

    def _fit_parts(self, sequences: Sequences, parts: Partition, progress: Progress = NO_PROGRESS) -> None:
        """Train on parts that are settled."""
        from tidegate.tasks.label.fit import fit_labels
        from tidegate.train.run import TorchRun

        fitted = fit_labels(
            sequences,
            parts,
            self.check(),
            make_labels=self._make_labels,
            make_loss=self._make_loss,
            decide=self._decide,
            progress=progress,
        )
        self.fitted_, self.history_ = fitted, fitted.history
        self.spec_, self.labels_, self.deciding_ = fitted.spec, fitted.labels, fitted.deciding
        self.preparation_, self.notes_, self.margins_ = fitted.preparation, fitted.notes, fitted.margins
        self.run_ = TorchRun(fitted.network).sequences

    @property
    def n_features_in_(self) -> int:
        """Numbers that a row of an array [n, T] had in `fit`; of all else the channels of a step."""
        self._require_fitted("spec_")
        return int(self.columns_) if hasattr(self, "columns_") else len(self.preparation_.channels)

    def _restore(self, artifact: Artifact, path: Path) -> None:
        loaded = LabelModel.of(artifact)
        self.spec_, self.labels_, self.deciding_ = loaded.spec, loaded.labels, loaded.deciding
        self.preparation_, self.run_, self.model_ = loaded.preparation, loaded.run, loaded
        self.margins_, self.notes_ = loaded.margins, loaded.preparation.notes

    def stream(self, snapshot: bytes | None = None, *, streams: int | None = None) -> LabelStream:
        """Sequences that come one step at a time, each answered for as it stands then.

        Args:
            snapshot, streams: as of `tidegate.runtime.label.model.LabelModel.stream`.

        Returns:
            `tidegate.runtime.label.stream.LabelStream`: `update(values)`, `snapshot()`, `restore(snapshot)`.

        Raises:
            ConfigError: the network looks at whole sequences. ArtifactError: a snapshot that is none.
        """
        from tidegate.runtime.network.recurrent import Loaded

        self._require_fitted("spec_")
        if hasattr(self, "model_"):
            own: LabelModel = self.model_
            return own.stream(snapshot, streams=streams)
        weights = Loaded(self.fitted_.weights)
        model = LabelModel(self.spec_, weights, self.preparation_, self.labels_, self.deciding_)
        return model.stream(snapshot, streams=streams)

    def outputs(self, data: Any, **reading: Any) -> NDArray[np.float32]:
        """The network's outputs before they become answers: [M, O], or [N, O] for every step."""
        return self._outputs(self._new(data, reading))

    def _outputs(
        self, sequences: Sequences, prepared: PreparedSequences | None = None, spans: Spans | None = None
    ) -> NDArray[np.float32]:
        from tidegate.runtime.label.decode import outputs

        self._require_fitted("spec_")
        prepared = self.preparation_.apply(sequences) if prepared is None else prepared
        self.answer_notes_ = (*sequences.notes, *prepared.notes)
        if hasattr(self, "model_"):
            own: LabelModel = self.model_
            return own.outputs(sequences, prepared, spans)
        spans = self.deciding_.spans(prepared.starts, np.arange(len(sequences))) if spans is None else spans
        return outputs(self.run_, prepared, spans, per_step=self.deciding_.per_step)

    def evaluate(self, data: Any = None, labels: Any = None, *, part: str = "test", **reading: Any) -> LabelEvaluation:
        """Score a part, or new data, beside simple baselines, with a verdict.

        Args:
            data: new sequences with labels; None takes a part of those it was fitted on. labels: of arrays.
            part: `test` or `validation`. reading: as for `fit`.

        Returns:
            An evaluation: print it, or see `.overall`, `.verdict`.

        Raises:
            NotFittedError: a loaded model has no sequences of its own; give it some.
            DataError: there is nothing to score.
        """
        from tidegate.tasks.label.evaluate import evaluate_part, evaluate_sequences

        self._require_fitted("spec_")
        if data is not None:
            return evaluate_sequences(self, self._new(data, reading, labels, labelled=True)).evaluation
        self._require_part(part)
        return evaluate_part(self, part).evaluation

    def _require_part(self, part: str) -> None:
        """Refuse a part that there is not.

        Raises:
            NotFittedError: it was loaded without its data. DataError: there is no such part.
        """
        self._require_fitted("fitted_")
        if not len(getattr(self.fitted_.parts, part, ())):
            raise DataError(
                tr("there is no {part} part: fit with {part}=0.2, or give evaluate() new sequences", part=part)
            )

    def _trainee(self) -> Trainee:
        from tidegate.tasks.diagnose.label_fix import LabelTrainee

        return LabelTrainee(self)

    def explain(self, data: Any = None, *, at: int | str = 0, output: Any = None, **how: Any) -> Explanation:
        """Explain what one answer rests on, by word, or by channel and step, each with its check.

        Args:
            data: sequences, as for `predict`; None takes those it was fitted on.
            at: which of them: its place, or its id.
            output: class or quantity; None takes what the model predicts.
            how: `step`, `block`, `permutations`, `sample` and `seed` of
                `tidegate.tasks.explain.label.explain_answer`; options of reading.

        Returns:
            `tidegate.explain.Explanation`: print it, or see `.attributions`, `.importance`, `.case`;
            `tidegate.report_explanation` makes a page of it.

        Raises:
            NotFittedError: a loaded model explains numbers only beside others; give it several sequences.
            DataError: there is no such sequence or step. ConfigError: there is no such class.
        """
        from tidegate.tasks.explain.label import explain_answer

        self._require_fitted("spec_")
        named = ("step", "block", "permutations", "sample", "seed")
        options = {name: how.pop(name) for name in named if name in how}
        if data is None:
            self._require_fitted("fitted_")
        sequences = self.fitted_.sequences if data is None else self._perhaps_labelled(data, how)
        return explain_answer(self, sequences, at, output, **options)

    def audit(
        self, data: Any = None, labels: Any = None, *, validation: float | int = 0.15, test: float | int = 0.2,
        by: Any = "auto", seed: int = 0, **reading: Any,
    ) -> Audit:  # fmt: skip
        """Prove that nothing of the test sequences reaches what is learned; see `tidegate.tasks.audit.labels`.

        Args:
            data, labels, reading: as for `fit`; None takes the sequences and the parts that it was fitted on.
            validation, test, by: as for `fit`. seed: of the noise and the shuffling.

        Returns:
            `tidegate.evaluate.leaks.audit.Audit`: print it, or see `.passed` and `.findings`.

        Raises:
            DataError: there are no labels, or no test part.
        """
        from tidegate.tasks.audit.labels import audit_labels

        self.check()
        if data is None:
            self._require_fitted("fitted_")
            return audit_labels(self, self.fitted_.sequences, self.fitted_.parts, seed)
        sequences = self.read(data, **({} if labels is None else {"labels": labels}), **reading)
        parts = partition(sequences, validation=validation, test=test, by=by, seed=self.seed)
        return audit_labels(self, sequences, parts, seed)

    def cross_validate(self, data: Any = None, labels: Any = None, **how: Any) -> CrossValidation:
        """Scores of several folds beside the baselines': see `tidegate.cross_validate`. This model stays as it is.

        Args:
            data, labels, how: as of `tidegate.cross_validate`; None takes the sequences it was fitted on.

        Raises:
            ConfigError, SplitError: folds that cannot be.
        """
        from tidegate.tasks.resample.cross_validate import cross_validate

        return cross_validate(self, data, labels, **how)

    def compare(self, data: Any = None, labels: Any = None, **how: Any) -> Comparison:
        """Several encoders on the same parts, in one table: see `tidegate.compare`. This model stays as it is.

        Args:
            data, labels, how: as of `tidegate.compare`; None takes the sequences it was fitted on.

        Raises:
            ConfigError: an unknown encoder.
        """
        from tidegate.tasks.label.compare import compare

        return compare(self, data, labels, **how)

    def _rivals(self) -> Rivals:
        from tidegate.tasks.label.compare import rivals

        return rivals()

    def _new(self, data: Any, reading: Mapping[str, Any], labels: Any = None, *, labelled: bool = False) -> Sequences:
        """New data, read as the training data were unless the caller says otherwise.

        Args:
            data: None takes the test part of those it was fitted on, or all of them where there is none.
            labelled: whether labels are wanted; where they are not, their column may be missing.
        """
        self._require_fitted("spec_")
        if data is None:
            whole = self.read(None)
            parts: Partition = self.fitted_.parts
            return whole.take(parts.test) if len(parts.test) else whole
        if isinstance(data, Sequences):
            return data
        return self.read(data, labels, **{**carried(self.reading_, data, labelled=labelled), **reading})

    def _perhaps_labelled(self, data: Any, reading: Mapping[str, Any]) -> Sequences:
        """New data with their labels where they have any."""
        try:
            return self._new(data, reading, labelled=True)
        except (DataError, SchemaError):
            return self._new(data, reading)

    @abstractmethod
    def _make_labels(self, labels: NDArray[Any], names: tuple[str, ...]) -> Any:
        """The encoding of the training part's labels."""

    @abstractmethod
    def _make_loss(self, labels: Any, encoded: NDArray[Any]) -> Callable[..., Any]:
        """The loss, from the encoding and the training part's encoded labels."""

    def _decide(
        self, found: NDArray[np.float32], encoded: NDArray[Any], labels: Any, deciding: Any, notes: list[Note]
    ) -> Any:
        """How outputs become answers, from the validation part's outputs and encoded labels; adds notes on it."""
        return deciding
