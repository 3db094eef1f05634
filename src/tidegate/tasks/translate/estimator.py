"""Translator: from pairs of texts to a model that writes one text for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.core.checks import Share
from tidegate.core.sequences import Sequences
from tidegate.data.files.pairs import read_pairs, read_sources
from tidegate.data.partition import Partition
from tidegate.evaluate.label.baselines.summary import unspaced
from tidegate.evaluate.text.baselines import taken, text_baselines
from tidegate.evaluate.text.metrics import (
    Reference,
    TextMetric,
    bleu,
    bleu_tokenised,
    chrf,
    first_of,
    pieces,
    rouge_l,
    same,
)
from tidegate.runtime.translate.model import Translation, TranslationModel
from tidegate.tasks.estimator import FitCall
from tidegate.tasks.options import Size
from tidegate.tasks.translate.options import PairPreparation, TranslateChoices, WritingNetwork
from tidegate.tasks.write.divide import divide
from tidegate.tasks.write.estimator import WritingEstimator
from tidegate.tasks.write.evaluate import references_of
from tidegate.tasks.write.options import WritingTraining

if TYPE_CHECKING:
    from tidegate.tasks.explain.translate import Alignment
    from tidegate.tasks.translate.fit import Pairs

SHORT = 3  # words and marks of a target on average, below which texts are right or wrong


@dataclass(kw_only=True, eq=False, repr=False)
class Translator(WritingEstimator):
    """Learns to write one text for another: translations, summaries, spellings, any pair of columns.

    A bidirectional recurrence reads the source; another writes the target token by token, looking up the source at each
    step (attention) and perhaps copying from it. Texts are searched for with a beam. Pairs that share a source or a
    target lie in one part.

    Args:
        tokens: what a token is: `bpe` (pieces of bytes; needs the extra `text`), `word`, `char` or `symbol` (what
            stands between blanks); None takes characters of Chinese and the like, else byte pairs.
        hidden_size: H, units of each direction of the encoder's layers; the decoder has twice as many.
        bidirectional: read sources both ways.
        max_epochs: passes over the pairs; some 6,000 steps in all if None.
        network: the finer `WritingNetwork` (attention, copying, feeding, embedding_size, ...).
        training: the finer `WritingTraining` (label_smoothing, teacher_forcing, batch_tokens, average, ...).
        preparation: `PairPreparation` (target_tokens, vocabulary, shared, lowercase, ...).

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.
    """

    READER = staticmethod(read_pairs)
    MODEL = TranslationModel
    task = "translator"
    num_layers: Size = 2
    dropout: Share = 0.3
    bidirectional: bool = True
    network: WritingNetwork | Mapping[str, Any] | None = None
    training: WritingTraining | Mapping[str, Any] | None = None
    preparation: PairPreparation | Mapping[str, Any] | None = None

    def fit(
        self, data: Any, *, source: str | Mapping[str, Any] | None = None, target: str | None = None,
        target_file: str | Path | None = None, encoding: str | None = None, delimiter: str | None = None,
        columns: Sequence[str] | str | None = None, validation: float | int = 0.05, test: float | int = 0.05,
        by: Any = "auto", out: str | Path | None = None, resume: bool = False, overwrite: bool = False,
        progress: bool | None = None,
    ) -> Translator:  # fmt: skip
        """Read, split, choose both vocabularies, train; with `out`, evaluate the test part and leave a run behind.

        Args:
            data: a table (path of a CSV, TSV, Parquet or JSON-lines file; a frame); the path of a text file of sources,
                a line each, beside `target_file`; two such paths; or a list of pairs of texts.
            source, target: columns; found out where they are called so, or where there are no others. (Of `Sequences`
                source may be a mapping: where they came from, for the run's config.toml.)
            target_file: text file whose lines are the targets. encoding, delimiter, columns: of files.
            validation: part that chooses the epoch: a share of the pairs, or a number of them.
            test: part that is looked at once, at the end, as `validation`; 0 where there are test data of their own.
            by: how parts are drawn: `auto` keeps pairs with an equal source or target together, `time` takes the last
                ones (the test part at the very end), `random` looks at nothing.
            out: folder of the run. resume: go on from the checkpoints in it. overwrite: take the place of a run that is
                there.
            progress: show a bar; None does where there is a terminal.

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        origin = source if isinstance(source, Mapping) else None
        given = {"source": None if origin is not None else source, "target": target, "encoding": encoding}
        given |= {"target_file": None if target_file is None else str(target_file), "delimiter": delimiter}
        reading = {name: value for name, value in {**given, "columns": columns}.items() if value is not None}
        split = {"validation": validation, "test": test, "by": by}
        return self._fit(FitCall(data, {}, reading, origin, split, out, resume, overwrite, progress))

    def check(self) -> TranslateChoices:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""
        return TranslateChoices(**self._settled())

    def translate(
        self, texts: Any, *, beam: int = 5, best: int = 1, length_penalty: float = 1.0, coverage_penalty: float = 0.0,
        min_length: int = 0, max_length: int | None = None, allowed: Sequence[str] | None = None,
        glossary: Mapping[str, str] | None = None,
    ) -> list[list[Translation]]:  # fmt: skip
        """The best texts for each source, best first, with their scores and where each token looked.

        Args:
            texts: a text, or a list of texts.
            beam: hypotheses that are kept at each step; 1 always takes the likeliest token. best: how many are given.
            length_penalty: a, so that log p / ((5 + length) / 6)^a ranks texts; 0 likes short ones.
            coverage_penalty: how much it costs to leave parts of the source unread.
            min_length, max_length: tokens of a text; None lets source and training decide.
            allowed: words or texts, of whose tokens alone something may be written; None takes all.
            glossary: source term -> how it must be written in the text of a source that holds it. Of a file two columns
                say so.

        Returns:
            Of each source a list of `Translation`: `.text`, `.score`, `.log_probability`, `.attention`.

        Raises:
            NotFittedError: there is no model. ConfigError: an option that cannot be.
        """
        self._require_fitted("model_")
        model: TranslationModel = self.model_
        given = [texts] if isinstance(texts, str) else list(texts)
        how: dict[str, Any] = {"beam": beam, "best": best, "length_penalty": length_penalty}
        how |= {"coverage_penalty": coverage_penalty, "min_length": min_length, "max_length": max_length}
        return model.translate(given, allowed=allowed, glossary=glossary, **how)

    def explain(self, data: Any = None, *, at: int | str = 0, **reading: Any) -> Alignment:
        """Where each token of one text looked, and what deleting a token of the source costs.

        Args:
            data: sources as of `predict`; None takes those of the test part. at: which: its place, or its id.
            reading: options of reading.

        Raises:
            DataError: there is no such source. ConfigError: it is too long.
        """
        from tidegate.tasks.explain.translate import explain_translation

        inputs, place = self._chosen(data, at, reading)
        assert inputs.texts is not None
        return explain_translation(self.model_, str(inputs.texts[place]))

    def _numbered(self, sequences: Sequences, part: str) -> Pairs:
        from tidegate.tasks.translate.fit import number_pairs

        own, most = self.model_, self.check().preparation.longest if part == "train" else None
        return number_pairs(sequences, own.source, own.target, copying=own.copying, longest=most)[0]

    def _divide(self, sequences: Sequences, split: Mapping[str, Any]) -> Partition:
        return divide(sequences, **split, seed=self.seed)

    def _inputs(self, data: Any, reading: Mapping[str, Any]) -> Sequences:
        known = ("source", "encoding", "delimiter", "columns")
        return read_sources(data, **{name: value for name, value in reading.items() if name in known})

    def _written(self, inputs: Sequences) -> list[str]:
        assert inputs.texts is not None
        found: list[str] = self.model_.predict(list(map(str, inputs.texts.tolist())))
        return found

    def _metrics(self, references: Sequence[Reference]) -> list[TextMetric]:
        texts = [first_of(own) for own in references]
        zh = unspaced(texts)  # type: ignore[arg-type]
        lower = self.check().preparation.lowercase
        ranked = [bleu(lowercase=lower, tokenize="zh" if zh else "13a"), bleu_tokenised(), chrf(), rouge_l()]
        if np.mean([len(pieces(text)) for text in texts]) < SHORT:
            return [same(), ranked[2]]
        return [ranked[3], *ranked[:3]] if self._summarises() else ranked

    def _summarises(self) -> bool:
        """Whether targets are in their sources' words."""
        if not hasattr(self, "fitted_"):
            return bool(getattr(self.model_.spec.layers[-1], "copying", False))
        train = self.train_
        return taken(list(train.texts), references_of(train))  # type: ignore[arg-type]

    def _baselines(self, inputs: Sequences) -> dict[str, list[str]]:
        if not hasattr(self, "fitted_"):
            return {}
        train = self.train_
        return text_baselines(list(train.texts), references_of(train), list(inputs.texts))  # type: ignore[arg-type]
