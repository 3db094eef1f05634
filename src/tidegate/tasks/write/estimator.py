"""What every model that writes texts shares: reading, parts, evaluation, what a run keeps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np

from tidegate.core.checks import check_fields
from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.data.emit import Frame, to_frame
from tidegate.data.partition import Partition
from tidegate.evaluate.text.metrics import Reference, TextMetric
from tidegate.prepare.vocabulary import Method
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.text.beam import Beam
from tidegate.runtime.text.model import WritingModel
from tidegate.tasks.estimator import Estimator, FitCall
from tidegate.tasks.options import Size, group, overrule, recurrent_options
from tidegate.tasks.run import Content
from tidegate.tasks.write.options import WritingTraining
from tidegate.train.progress import NO_PROGRESS, Progress

if TYPE_CHECKING:
    from tidegate.diagnose.evidence import Evidence
    from tidegate.evaluate.text.evaluation import TextEvaluation
    from tidegate.tasks.open import Stored
    from tidegate.tasks.write.evaluate import EvaluatedWriting
    from tidegate.tasks.write.fit import Examples, WriteFitted

Self = TypeVar("Self", bound="WritingEstimator")
PARTS = ("train", "validation", "test")


@dataclass(kw_only=True, eq=False, repr=False)
class WritingEstimator(Estimator):
    """A model that writes a text for each of some inputs, which are `Sequences` with the texts to write as labels.

    A task answers what it writes (`_written`), what is trained (`prepare` in its `fit`), what it is scored by
    (`_metrics`, the first ranks) and what stands beside it (`_baselines`); how data are read (`READER`, and `_inputs`
    for data without texts to write), and which numbers they become (`_numbered`).

    Args:
        loss: what training lowers: `cross_entropy`, -log p of the next token.
        learning_rate: peak of the one cycle.

    Attributes:
        MODEL: what the runtime makes of it.
    """

    MODEL: ClassVar[type[WritingModel[Any, Any]]]
    tokens: Method | None = None
    hidden_size: Size = 256
    loss: Literal["cross_entropy"] = "cross_entropy"
    learning_rate: float = 2e-3

    @abstractmethod
    def _written(self, inputs: Sequences) -> list[str]:
        """What the model writes for each input."""

    @abstractmethod
    def _metrics(self, references: Sequence[Reference]) -> list[TextMetric]:
        """What it is scored by, the metric that ranks methods first."""

    @abstractmethod
    def _baselines(self, inputs: Sequences) -> dict[str, list[str]]:
        """Baseline -> what it says for each input; none where a loaded model lacks its training part."""

    @abstractmethod
    def _divide(self, sequences: Sequences, split: Mapping[str, Any]) -> Partition:
        """The parts, by the arguments of `fit`'s split."""

    @abstractmethod
    def _numbered(self, sequences: Sequences, part: str) -> Examples:
        """A part's examples, as a fitted model reads and writes them."""

    @abstractmethod
    def _inputs(self, data: Any, reading: Mapping[str, Any]) -> Sequences:
        """New data that texts are to be written for, whether or not they have some."""

    def _different(self, inputs: Sequences) -> tuple[Sequences, Sequence[Reference]]:
        """Inputs that differ, and what people wrote for each."""
        from tidegate.tasks.write.evaluate import references_of

        return inputs, references_of(inputs)

    def read(self, data: Any, **how: Any) -> Sequences:
        """The data as `fit` reads them: what it takes in their place."""
        found: Sequences = type(self).READER(data, **how)  # type: ignore[assignment]
        return found

    def _train(self, examples: Sequences, call: FitCall, progress: Progress) -> None:
        parts = self._divide(examples, call.split)
        self._fit_parts(examples, parts, progress)
        self.reading_ = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in call.read_with().items()
            if name != "data" and isinstance(value, (str, int, float, bool, list, tuple))
        }

    def _fit_parts(self, sequences: Sequences, parts: Partition, progress: Progress = NO_PROGRESS) -> None:
        """Train on parts that are settled."""
        from tidegate.tasks.write.fit import train_writing

        choices: Any = self.check()
        prepared = self._own("{}.fit").prepare(sequences, parts, choices)
        self._take(train_writing(prepared, sequences, parts, choices, progress))

    def _take(self, fitted: WriteFitted) -> None:
        self.fitted_, self.history_, self.notes_ = fitted, fitted.history, fitted.notes
        own = (fitted.source, fitted.target, Beam(), fitted.longest)
        self.model_ = self.MODEL(fitted.spec, Loaded(fitted.weights), *own)

    def _contents(self, *, context: bool = True) -> dict[str, Content]:
        fitted = self.fitted_
        content = Content(
            spec=fitted.spec,
            weights=fitted.weights,
            preparation={self.MODEL.SOURCE[0]: fitted.source.to_json(), "target": fitted.target.to_json()},
            decoding={"search": asdict(Beam()), "longest": fitted.longest},
        )
        return {"model": content}

    def _take_up(self, stored: Stored, data: Any) -> None:
        from tidegate.tasks.write.fit import WriteFitted

        sequences, own = stored.read_data(self, data), self.model_
        parts = self._divide(sequences, stored.split)
        kept = {
            "sequences": sequences,
            "parts": parts,
            "source": own.source,
            "target": own.target,
            "examples": {name: self._numbered(sequences.take(parts[name]), name) for name in PARTS},
            "longest": own.longest,
        }
        self._take(WriteFitted(**stored.trained(own), **kept))

    def _read_how(self, call: FitCall) -> Mapping[str, Any]:
        return self.reading_

    @property
    def train_(self) -> Sequences:
        """The training part.

        Raises:
            NotFittedError: a loaded model has none.
        """
        self._require_fitted("fitted_")
        found: Sequences = self.fitted_.sequences.take(self.fitted_.parts.train)
        return found

    def predict(self, data: Any = None, **reading: Any) -> Frame:
        """What it writes for each input: id, text.

        Args:
            data: inputs as of `fit`; None takes those of the test part. reading: options of reading.

        Raises:
            TidegateError: what is given cannot be read; a loaded model has no data of its own.
        """
        return to_frame(self.predict_columns(data, **reading), timezone=None, like=None)

    def predict_columns(self, data: Any = None, **reading: Any) -> dict[str, Any]:
        """What `predict` returns, as name -> array; needs no dataframe library."""
        self._require_fitted("model_")
        inputs = self._part("test") if data is None else self._inputs(data, {**self.reading_, **reading})
        self.answer_notes_ = inputs.notes
        texts = np.empty(len(inputs), dtype=object)
        texts[:] = self._written(inputs)
        return {"id": np.array(inputs.ids, dtype=object), "text": texts}

    def evaluate(self, data: Any = None, *, part: str = "test", **reading: Any) -> TextEvaluation:
        """Score a part, or new data, beside baselines, with a verdict.

        Args:
            data: new data with the texts that people wrote; None takes a part of those it was fitted on.
            part: `test` or `validation`. reading: as for `fit`.

        Returns:
            An evaluation: print it, or see `.overall`, `.verdict`, `.signatures`.

        Raises:
            NotFittedError: a loaded model has no data of its own; give it some, or open its run.
            DataError: there is nothing to score.
        """
        from tidegate.tasks.write.evaluate import evaluate_written

        self._require_fitted("model_")
        inputs = self._part(part) if data is None else self.read(data, **{**self.reading_, **reading})
        return evaluate_written(self, inputs).evaluation

    def _part(self, part: str) -> Sequences:
        self._require_fitted("fitted_")
        if part not in PARTS or not len(self.fitted_.parts[part]):
            raise DataError(tr("there is no {part} part: fit with {part}=0.05, or give new data", part=part))
        found: Sequences = self.fitted_.sequences.take(self.fitted_.parts[part])
        return found

    def _chosen(self, data: Any, at: int | str, reading: Mapping[str, Any]) -> tuple[Sequences, int]:
        """New data or the test part, and the place of one of them, given its place or its id.

        Raises:
            DataError: there is none.
        """
        self._require_fitted("model_")
        inputs = self._part("test") if data is None else self._inputs(data, {**self.reading_, **reading})
        place = int(at) if str(at).isdecimal() else -1
        if isinstance(at, str) and at in inputs.ids:
            place = inputs.ids.index(at)
        if not 0 <= place < len(inputs):
            message = "at={at}: there are {count} inputs, the first {first}"
            raise DataError(tr(message, at=repr(at), count=len(inputs), first=repr(inputs.ids[0])))
        return inputs, place

    def _evaluate_part(self, part: str) -> EvaluatedWriting | None:
        from tidegate.tasks.write.evaluate import evaluate_written

        return evaluate_written(self, self._part(part)) if self.fitted_.has(part) else None

    def _predicted(self, evaluated: EvaluatedWriting) -> dict[str, bytes]:
        from tidegate.tasks.write.evaluate import predictions

        return predictions(evaluated)

    def _settled(self) -> dict[str, Any]:
        """Constructor arguments in groups, by the fields of a task's choices.

        Raises:
            ConfigError: one that cannot work.
        """
        check_fields(self)
        groups = {name: group(kind, getattr(self, name)) for name, kind in self.GROUPS.items()}
        groups |= {"training": self._training(), "recurrent": recurrent_options(self)}
        return groups | {name: getattr(self, name) for name in ("tokens", "max_epochs")}

    def _training(self) -> WritingTraining:
        own = {"learning_rate": self.learning_rate, "batch_size": self.batch_size, "seed": self.seed}
        given: Any = self.get_params(deep=False)["training"]
        found: WritingTraining = overrule(group(WritingTraining, given), given, own)
        return found

    def _evidence(self) -> tuple[Evidence, ...]:
        from tidegate.tasks.diagnose.write import make_evidence

        return make_evidence(self)

    def retrained(self: Self, changes: Mapping[str, Any]) -> Self:
        """The same, fitted on the same parts with some options changed."""
        other = self.variant(changes)
        other._fit_parts(self.fitted_.sequences, self.fitted_.parts)
        other.reading_ = self.reading_
        return other
