"""Captioner: from pictures with captions to a model that writes a sentence for a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.core.checks import Share
from tidegate.core.sequences import Sequences
from tidegate.data.partition import Partition, partition
from tidegate.data.sources.media.pictures import open_picture, pixels_of, read_pictures
from tidegate.evaluate.label.baselines.summary import unspaced
from tidegate.evaluate.text.baselines import most_frequent, nearest_captions
from tidegate.evaluate.text.metrics import (
    LONGEST_RUN,
    Reference,
    TextMetric,
    bleu,
    chrf,
    cider,
    first_of,
    pieces,
    several,
)
from tidegate.prepare.pictures import PictureAugment
from tidegate.runtime.caption.model import Caption, CaptionModel
from tidegate.tasks.caption.options import CaptionChoices, PictureNetwork
from tidegate.tasks.estimator import FitCall
from tidegate.tasks.write.estimator import WritingEstimator
from tidegate.tasks.write.evaluate import references_of
from tidegate.tasks.write.options import TextPreparation, WritingTraining

if TYPE_CHECKING:
    from tidegate.tasks.caption.fit import Pictured
    from tidegate.tasks.explain.caption import Looks

PICTURES = ("path", "colour", "broken")  # options of reading that new pictures without captions are read by


@dataclass(kw_only=True, eq=False, repr=False)
class Captioner(WritingEstimator):
    """Learns to write a sentence for a picture: a small convolutional network, trained here, and a recurrence after it.

    The picture becomes a grid of places; a recurrence writes the caption token by token and looks up places at each
    step (spatial attention). Captions are searched for with a beam. A picture lies in one part alone, with all of its
    captions.

    Args:
        tokens: what a token of captions is: `word`, `char`, `bpe` (needs the extra `text`) or `symbol` (what stands
            between blanks); None takes characters of Chinese and the like, else words.
        hidden_size: H, units of the recurrence that writes.
        batch_size: pictures a step; 32 if None.
        max_epochs: passes over the pictures; some 6,000 steps in all if None.
        network: the finer `PictureNetwork` (channels, halved, attention, embedding_size, ...).
        training: the finer `WritingTraining` (label_smoothing, teacher_forcing, weight_decay, average, ...).
        preparation: `TextPreparation` (vocabulary, min_count, lowercase, longest).
        augment: `PictureAugment`: how training pictures vary (shift, scale, turn, colour, flip).

    Raises:
        ConfigError: an option that there is not, at once; by `fit` and `check`, a value that cannot work.

    Source: Vinyals et al. (2015), arXiv:1411.4555; with attention Xu et al. (2015), arXiv:1502.03044.
    """

    READER = staticmethod(read_pictures)
    MODEL = CaptionModel
    task = "captioner"
    dropout: Share = 0.4
    network: PictureNetwork | Mapping[str, Any] | None = None
    training: WritingTraining | Mapping[str, Any] | None = None
    preparation: TextPreparation | Mapping[str, Any] | None = None
    augment: PictureAugment | Mapping[str, Any] | None = None

    def fit(
        self, data: Any, captions: Sequence[str] | None = None, *,
        validation: float | int = 0.1, test: float | int = 0.1, by: Any = "auto",
        out: str | Path | None = None, resume: bool = False, overwrite: bool = False, progress: bool | None = None,
        source: Mapping[str, Any] | None = None, **reading: Any,
    ) -> Captioner:  # fmt: skip
        """Read, split by picture, choose the vocabulary, train; with `out`, evaluate the test part and leave a run.

        Args:
            data: a table with a column of pictures (paths or base64) and one or several of captions, a folder, a list
                of files or arrays, an array [N, H, W, C], or `Sequences`; see
                `tidegate.data.sources.media.pictures.read_pictures`.
            captions: of arrays and lists, one for each.
            validation: part that chooses the epoch: a share of the pictures, or a number of them.
            test: part that is looked at once, at the end, as `validation`; 0 where there are test data of their own.
            by: how parts are drawn: `auto` takes what the data say, else draws pictures; `given`, `grouped`, `random`
                or `time`.
            out: folder of the run. resume: go on from the checkpoints in it. overwrite: take the place of a run that is
                there.
            progress: show a bar; None does where there is a terminal.
            source: where the pictures came from, for the run's config.toml.
            reading: options of `read_pictures` (path, target, part, size, colour, broken).

        Raises:
            TidegateError: of the kind that names what cannot work, where, and how to fix it.
        """
        named = {} if captions is None else {"captions": captions}
        split = {"validation": validation, "test": test, "by": by}
        return self._fit(FitCall(data, named, reading, source, split, out, resume, overwrite, progress))

    def check(self) -> CaptionChoices:
        """Refuse constructor arguments that cannot work, before any data is read; gives them in groups."""
        return CaptionChoices(**self._settled(), batch_size=self.batch_size)

    def caption(
        self, pictures: Any, *, beam: int = 5, best: int = 1, length_penalty: float = 1.0,
        min_length: int = 0, max_length: int | None = None, allowed: Sequence[str] | None = None,
    ) -> list[list[Caption]]:  # fmt: skip
        """The best captions of each picture, best first, with their scores and where each token looked.

        Args:
            pictures: a file or an array [H, W, C] of any size, or a list of them.
            beam: hypotheses that are kept at each step; 1 always takes the likeliest token. best: how many are given.
            length_penalty: a, so that log p / ((5 + length) / 6)^a ranks captions; 0 likes short ones.
            min_length, max_length: tokens of a caption; None lets the training decide.
            allowed: words or texts, of whose tokens alone something may be written; None takes all.

        Returns:
            Of each picture a list of `Caption`: `.text`, `.score`, `.log_probability`, `.attention`.

        Raises:
            NotFittedError: there is no model. ReadError: a file is no picture. ConfigError: an option that cannot be.
        """
        self._require_fitted("model_")
        model: CaptionModel = self.model_
        alone = isinstance(pictures, (str, Path)) or (isinstance(pictures, np.ndarray) and pictures.ndim < 4)
        held = [open_picture(picture) for picture in ([pictures] if alone else pictures)]
        how: dict[str, Any] = {"beam": beam, "best": best, "length_penalty": length_penalty}
        how |= {"min_length": min_length, "max_length": max_length}
        return model.caption(held, allowed=allowed, **how)

    def explain(self, data: Any = None, *, at: int | str = 0, **reading: Any) -> Looks:
        """Where each token of one caption looked, and what covering those places costs it, beside any others.

        Args:
            data: pictures as of `predict`; None takes those of the test part. at: which: its place, or its id.
            reading: options of reading.

        Raises:
            DataError: there is no such picture.
        """
        from tidegate.tasks.explain.caption import explain_caption

        inputs, place = self._chosen(data, at, reading)
        return explain_caption(self.model_, pixels_of(inputs)[place], inputs.ids[place])

    def _numbered(self, sequences: Sequences, part: str) -> Pictured:
        from tidegate.tasks.caption.fit import number_captions

        own, choices = self.model_, self.check()
        most = choices.preparation.longest if part == "train" else None
        return number_captions(sequences, own.source, own.target, choices.augment, most)

    def _divide(self, sequences: Sequences, split: Mapping[str, Any]) -> Partition:
        by = split["by"]
        if by == "auto" and sequences.parts is None:
            by = "random" if sequences.groups is None else "grouped"
        return partition(replace(sequences, labels=None), **{**split, "by": by}, seed=self.seed)

    def _inputs(self, data: Any, reading: Mapping[str, Any]) -> Sequences:
        how = {name: value for name, value in reading.items() if name in PICTURES}
        return read_pictures(data, labelled=False, **{**how, "size": self.model_.source.height})

    def _written(self, inputs: Sequences) -> list[str]:
        found: list[str] = self.model_.predict(pixels_of(inputs))
        return found

    def _different(self, inputs: Sequences) -> tuple[Sequences, Sequence[Reference]]:
        """Each picture once, with all captions that it has."""
        captions: dict[bytes, list[str]] = {}
        places: list[int] = []
        for place, (picture, caption) in enumerate(zip(pixels_of(inputs), references_of(inputs), strict=True)):
            own = captions.setdefault(picture.tobytes(), [])
            places += [] if own else [place]
            own.append(caption)
        alone = replace(inputs.take(np.array(places, np.int64)), groups=None)
        return alone, [own[0] if len(own) == 1 else tuple(dict.fromkeys(own)) for own in captions.values()]

    def _metrics(self, references: Sequence[Reference]) -> list[TextMetric]:
        texts, counts = [first_of(own) for own in references], {len(several(own)) for own in references}
        zh, lower = unspaced(texts), self.check().preparation.lowercase  # type: ignore[arg-type]
        count = counts.pop() if len(counts) == 1 else None
        tokenize = "zh" if zh else "13a"
        found = [bleu(lowercase=lower, tokenize=tokenize, references=count), chrf(references=count), cider()]
        short = np.mean([len(pieces(text)) for text in texts]) < LONGEST_RUN  # BLEU counts runs of four words
        return [found[1], found[0], found[2]] if short else found

    def _baselines(self, inputs: Sequences) -> dict[str, list[str]]:
        if not hasattr(self, "fitted_"):
            return {}
        train = self.train_
        known = references_of(train)
        nearest = nearest_captions(pixels_of(train), known, pixels_of(inputs))
        return {"nearest_picture": nearest, "most_frequent": most_frequent(known, len(inputs))}
