"""LanguageModel: from a corpus to a model of what comes next, that scores texts and writes them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from tidegate.core.checks import Range, Share, check_fields
from tidegate.core.errors import DataError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.data.emit import Frame, to_frame
from tidegate.data.files.corpus import is_path, read_corpus
from tidegate.prepare.notes import chords_of
from tidegate.prepare.vocabulary import Method, Vocabulary
from tidegate.runtime.language.model import TextModel, TextStream
from tidegate.runtime.network.recurrent import Loaded
from tidegate.tasks.estimator import FitCall
from tidegate.tasks.language.generate import Generating
from tidegate.tasks.language.options import (
    TRACKS,
    WINDOW,
    Advice,
    LanguageChoices,
    LanguageNetwork,
    LanguageTraining,
    TextPreparation,
    advise,
)
from tidegate.tasks.options import Size, group, overrule

if TYPE_CHECKING:
    from tidegate.evaluate.language.evaluation import LanguageEvaluation
    from tidegate.tasks.explain.language import Surprise
    from tidegate.tasks.label.compare import Comparison, Rivals
    from tidegate.tasks.language.fit import LanguageFitted
    from tidegate.train.progress import Progress

PARTS = ("validation", "test")
SIZES = ("tokens", "cell", "hidden_size", "num_layers", "dropout", "minutes", "max_epochs")


@dataclass(kw_only=True, eq=False, repr=False)
class LanguageModel(Generating):
    """Learns what comes next in a text: characters, words, byte pairs or any symbols; scores texts and writes them.

    A recurrent network reads token after token and gives each possible next one a probability; its state is carried
    through the whole text. The corpus is cut by position: its end is the test part; what comes before that chooses the
    epoch, and is learned afterwards. Sizes that are left open are chosen for the corpus and the time, and said before
    the training starts.

    Args:
        tokens: what a token is: `char`, `word` (with the blank before it), `bpe` (pieces of bytes; needs the extra
            `text`) or `symbol` (what stands between blanks); of music `notes` (one after another, so that those of a
            chord depend on one another) or `frames` (all notes of a step at once, each on its own).
        window: T, tokens that gradients flow back through, 128 if None; the state itself is carried on.
        hidden_size: H, units per layer; chosen for the corpus and the time if None.
        num_layers: recurrent layers; chosen for the corpus and the time if None.
        dropout: share of units silenced between layers and before the scores; chosen by weights and tokens if None.
        minutes: how long a training may take on two ordinary cores; what is chosen depends on it.
        loss: what training lowers: `cross_entropy`, -log p of the next token.
        learning_rate: peak of the one cycle.
        batch_size: tracks that are read side by side; chosen by text and passes if None, 8 to 32; of music 8 pieces.
        max_epochs: passes over the text; chosen for the corpus and the time if None.
        network: the finer `LanguageNetwork` (embedding_size, tied, weight_dropout, layer_norm, ...).
        training: the finer `LanguageTraining` (optimizer, schedule, clip, average, patience, refit, ...).
        preparation: `TextPreparation` (vocabulary, min_count).

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.
    """

    READER = staticmethod(read_corpus)
    task = "language"
    tokens: Method = "char"
    window: Annotated[int, Range(2)] | None = None
    hidden_size: Size | None = None  # type: ignore[assignment]
    num_layers: Size | None = None  # type: ignore[assignment]
    dropout: Share | None = None  # type: ignore[assignment]
    minutes: Annotated[float, Range(0, 1e6, above=True)] = 10.0
    loss: Literal["cross_entropy"] = "cross_entropy"
    learning_rate: float = 4e-3
    network: LanguageNetwork | Mapping[str, Any] | None = None
    training: LanguageTraining | Mapping[str, Any] | None = None
    preparation: TextPreparation | Mapping[str, Any] | None = None

    def fit(
        self,
        data: Any,
        *,
        each: str = "file",
        pattern: str = "*.txt",
        encoding: str | None = None,
        steps: int = 4,
        validation: float | int = 0.05,
        test: float | int = 0.05,
        out: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        progress: bool | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> LanguageModel:
        """Read, cut, choose the size, train; with `out`, evaluate the test part and leave a run folder behind.

        Args:
            data: a path of a text file, of a MIDI file or of a folder; a text of several lines; a list of texts, of
                paths, of sequences of symbols, or of pieces of music (piano rolls, or the notes of each step).
            each: what is a text of its own, which the model learns to begin and to end: a `file`, a `line`, or a
                `paragraph` between empty lines.
            pattern: which files of a folder. encoding: of files; found out if None.
            steps: of music, in a quarter note.
            validation, test: share of the characters at the end, or number of characters (of several texts: of texts).
                0 for `test` where you have a text of its own for `evaluate`.
            out: folder of the run. resume: go on from the checkpoints in it. overwrite: take the place of a run that is
                there.
            progress: show a progress bar; None does where there is a terminal.
            source: where the texts came from, for the run's config.toml.

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        reading = (
            {}
            if isinstance(data, Sequences)
            else {"each": each, "pattern": pattern, "encoding": encoding, "steps": steps}
        )
        split = {"validation": validation, "test": test}
        data = [data] if isinstance(data, str) and not is_path(data) else data
        return self._fit(FitCall(data, {}, reading, source, split, out, resume, overwrite, progress))

    def check(self) -> LanguageChoices:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""
        check_fields(self)
        training = group(LanguageTraining, self.training)
        tracks = TRACKS if self.batch_size is None else self.batch_size
        own = {"learning_rate": self.learning_rate, "batch_size": tracks, "seed": self.seed}
        return LanguageChoices(
            free_batch=self.batch_size is None,
            window=WINDOW if self.window is None else self.window,
            **{name: getattr(self, name) for name in SIZES},
            network=group(LanguageNetwork, self.network),
            preparation=group(TextPreparation, self.preparation),
            training=overrule(training, self.training, own),
        )

    def advise(self, data: Any, *, validation: float | int = 0.05, test: float | int = 0.05, **reading: Any) -> Advice:
        """The size that `fit` would choose for a corpus, and about what it would take; nothing is trained.

        Args:
            data, validation, test, reading: as of `fit`.

        Raises:
            TidegateError: as of `fit`.
        """
        from tidegate.tasks.language.fit import cut_corpus, vocabulary_of

        choices = self.check()
        parts = cut_corpus(read_corpus(data, **reading), {"validation": validation, "test": test}, choices.tokens)
        vocabulary, _ = vocabulary_of(parts, choices)
        tokens = sum(len(vocabulary.encode(text)) + 1 for text in parts.train)
        return advise(choices, sum(map(len, parts.train)), tokens, len(vocabulary))

    def read(self, data: Any, **how: Any) -> Sequences:
        """The data as `fit` reads them: see `tidegate.data.files.corpus.read_corpus`."""
        return read_corpus(data, **how)

    def _train(self, examples: Sequences, call: FitCall, progress: Progress) -> None:
        from tidegate.tasks.language.fit import cut_corpus, fit_language

        parts = cut_corpus(examples, call.split, self.check().tokens)

        def say(advice: Advice) -> None:
            if progress.bar is not None and progress.bar.show:
                print(advice, file=sys.stderr)

        self._take(fit_language(examples, parts, self.check(), progress=progress, say=say))
        self.reading_ = {
            name: value for name, value in call.read_with().items() if value is not None and name != "data"
        }

    @property
    def vocabulary_(self) -> Vocabulary:
        """The tokens it knows."""
        self._require_fitted("model_")
        found: Vocabulary = self.model_.vocabulary
        return found

    def _take(self, fitted: LanguageFitted) -> None:
        self.fitted_, self.history_, self.notes_ = fitted, fitted.history, fitted.notes
        self.model_ = TextModel(fitted.spec, Loaded(fitted.weights), fitted.vocabulary, fitted.several, fitted.music)

    def predict(self, data: Any = None, **reading: Any) -> Frame:
        """How surprising each text is: characters, tokens, unknown, nats, bits_per_character, perplexity; of music its
        steps, nats, nats_per_step.

        Args:
            data: texts as of `fit`; None takes those of the test part. reading: `each`, `pattern`, `encoding`.

        Raises:
            TidegateError: what is given is no text; a loaded model has none of its own.
        """
        return to_frame(self.predict_columns(data, **reading), timezone=None, like=None)

    def predict_columns(self, data: Any = None, **reading: Any) -> dict[str, Any]:
        """What `predict` returns, as name -> array; needs no dataframe library."""
        texts = self._texts(data, reading)
        found = self.model_.predict(texts)
        self.answer_notes_ = ()
        columns: dict[str, Any] = {"text": np.arange(len(found))}
        nats = np.array([float(own.nats.sum()) for own in found])
        if self._music is not None:
            steps = np.array([len(chords_of(text)) for text in texts])
            return {**columns, "steps": steps, "nats": nats, "nats_per_step": nats / np.maximum(steps, 1)}
        return columns | {
            "characters": np.array([own.characters for own in found]),
            "tokens": np.array([len(own.nats) for own in found]),
            "unknown": np.array([own.unknown for own in found]),
            "nats": nats,
            "bits_per_character": np.array([own.bits_per_character for own in found]),
            "perplexity": np.array([own.perplexity for own in found]),
        }

    def evaluate(
        self, data: Any = None, *, part: str = "test", dynamic: bool | Mapping[str, float] = False, **reading: Any
    ) -> LanguageEvaluation:
        """Perplexity and bits per character of a text, beside n-grams, with a verdict.

        The model's own line carries its state through the text; another begins blocks of `window` tokens from an empty
        context; with `dynamic` a third goes on learning while it reads. They are never mixed.

        Args:
            data: a text as of `fit`; None takes a part of the corpus. part: `test` or `validation`.
            dynamic: also evaluate dynamically; a mapping sets `rate`, `decay` and `segment`, which else are chosen on
                the validation part.
            reading: `each`, `pattern`, `encoding`.

        Raises:
            NotFittedError: a loaded model has no text of its own, and none to count n-grams in; open its run.
            DataError: there is nothing to score.
        """
        from tidegate.tasks.language.evaluate import evaluate_part, evaluate_texts

        self._require_fitted("fitted_" if data is None else "model_")
        if data is not None:
            return evaluate_texts(self, self._texts(data, reading), dynamic=dynamic).evaluation
        if part not in PARTS or not self.fitted_.parts[part]:
            raise DataError(tr("there is no {part} part: fit with {part}=0.05, or give evaluate() a text", part=part))
        return evaluate_part(self, part, dynamic=dynamic).evaluation

    def stream(self, snapshot: bytes | None = None) -> TextStream:
        """A text that comes piece by piece: how surprising it is, and what is likely to come next.

        Args:
            snapshot: bytes of `TextStream.snapshot()` to go on from.

        Raises:
            ArtifactError: a snapshot that is none.
        """
        self._require_fitted("model_")
        model: TextModel = self.model_
        return model.stream(snapshot)

    def explain(self, data: Any = None, *, length: int = 600, **reading: Any) -> Surprise:
        """Which tokens surprised the model, and what it expected there.

        Args:
            data: a text as of `fit`; None takes the beginning of the test part. length: tokens that are looked at.
            reading: `each`, `pattern`, `encoding`.

        Raises:
            NotFittedError: a loaded model has no text of its own. ConfigError: a length below 1.
        """
        from tidegate.tasks.explain.language import explain_text

        return explain_text(self, self._texts(data, reading)[0], length)

    def compare(self, data: Any = None, **how: Any) -> Comparison:
        """Several cells and sizes on the same parts, in one table: see `tidegate.compare`. This model stays as it is.

        Args:
            data: as of `fit`; None takes the corpus it was fitted on. how: as of `tidegate.compare`; `encoders` are
                cells, perhaps with layers and units: `("lstm", "gru-2x256")`.

        Raises:
            ConfigError: an unknown cell.
        """
        from tidegate.tasks.label.compare import compare

        if data is None:
            self._require_fitted("fitted_")
            data = self.fitted_.sequences
        return compare(self, data, **how)

    def _rivals(self) -> Rivals:
        from tidegate.tasks.language.compare import rivals

        return rivals()

    def _texts(self, data: Any, reading: Mapping[str, Any]) -> list[str]:
        self._require_fitted("model_")
        if data is None:
            self._require_fitted("fitted_")
            return list(self.fitted_.parts.test or self.fitted_.parts.validation)
        return list(read_corpus(data, **{**self.reading_, **reading}).texts)  # type: ignore[arg-type]

    def retrained(self, changes: Mapping[str, Any]) -> LanguageModel:
        """The same, fitted on the same parts with some options changed."""
        from tidegate.tasks.language.fit import fit_language

        fitted = self.fitted_
        other = self.variant(changes)
        other._take(fit_language(fitted.sequences, fitted.parts, other.check()))
        other.reading_ = self.reading_
        return other
