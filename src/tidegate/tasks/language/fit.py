"""From a corpus to a trained language model: truncated back-propagation with the state carried on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.data.files.corpus import QUARTERS, TextParts, divide, pieces_of
from tidegate.prepare.notes import MUSIC, PITCHES
from tidegate.prepare.vocabulary import END, UNKNOWN, Vocabulary
from tidegate.tasks.fit import Fitted, Problem, Trainer, Validation
from tidegate.tasks.language.options import Advice, LanguageChoices, advise, build_spec
from tidegate.tasks.language.pieces import PieceLoss, Pieces, PieceValidation, bounds, numbers_of
from tidegate.train.label_losses import TEACHER, softened
from tidegate.train.loop import Batch
from tidegate.train.options import TrainOptions
from tidegate.train.progress import NO_PROGRESS, Progress

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
FEWEST = 200  # tokens to train on
SCORES = 1 << 23  # held at once while a text is scored
PASSES_ON, TRACKS_ON = 4, 4  # over the validation part, once it has chosen the epoch; tracks at most
SOFTER = 0.5  # times the peak rate, for these
WARM = 256  # tokens that a stretch of a text is begun with, so that its state is nearly the carried one


@dataclass(frozen=True)
class LanguageFitted(Fitted):
    """A trained language model and everything it was trained with.

    Attributes:
        sequences, parts: what it was fitted on. vocabulary: of it. numbers: part -> its tokens, each text after an end.
        advice: sizes as they were chosen. window: tokens that gradients flow back through.
    """

    sequences: Sequences
    parts: TextParts
    vocabulary: Vocabulary
    numbers: dict[str, Ints]
    advice: Advice
    window: int

    @property
    def learned(self) -> Ints:
        """The tokens that the weights have learned from."""
        both = ("train", "validation") if self.selected is not None else ("train",)
        return np.concatenate([self.numbers[part] for part in both])

    @property
    def texts(self) -> list[str]:
        """The texts that the weights have learned from."""
        return [*self.parts.train, *(self.parts.validation if self.selected is not None else ())]

    @property
    def several(self) -> bool:
        """Whether there were several texts, so that it learned to end one."""
        return len(self.sequences) > 1 or self.vocabulary.method in MUSIC

    @property
    def music(self) -> dict[str, float] | None:
        """Of music: lowest and highest note of the training part, the most at once, and steps a second."""
        if self.vocabulary.method not in MUSIC:
            return None
        return {**bounds(self.parts.train), "rate": self.sequences.rate or QUARTERS}


def cut_corpus(sequences: Sequences, split: Any, method: str) -> TextParts:
    """The parts of a corpus, by position.

    Raises:
        SplitError: a part would be empty. ConfigError: music is to be read as text.
    """
    texts: list[str] = list(sequences.texts)  # type: ignore[arg-type]
    if method in MUSIC:
        texts = pieces_of(texts[0]) if len(texts) == 1 else texts
    elif sequences.rate is not None:
        message = (
            "these are notes of music, and tokens is {method!r}: take 'notes', where those of a chord depend on one "
            "another, or 'frames', where they do not"
        )
        raise ConfigError(tr(message, method=method))
    return divide(texts, split["validation"], split["test"])


def fit_language(
    sequences: Sequences,
    parts: TextParts,
    choices: LanguageChoices,
    *,
    progress: Progress = NO_PROGRESS,
    say: Callable[[Advice], None] | None = None,
) -> LanguageFitted:
    """Choose the vocabulary and the size, and train.

    Args:
        sequences: the corpus. parts: of it. choices: options. progress: as of `Trainer`.
        say: told the advice before the training starts.

    Raises:
        DataError: too little text.
    """
    vocabulary, note = vocabulary_of(parts, choices)
    kept = settled(sequences, parts, vocabulary, choices)
    advice, numbers = kept["advice"], kept["numbers"]
    train, held = numbers["train"], numbers["validation"]
    if len(train) < FEWEST or len(held) < 2:
        message = (
            "the corpus has {count} tokens to train on and {count2} to choose the epoch by: a language model needs at "
            "least {fewest} and 2, and learns little from less than some ten thousand"
        )
        raise DataError(tr(message, count=len(train), count2=len(held), fewest=FEWEST))
    if say is not None:
        say(advice)
    notes = [*sequences.notes, note, advice.note(), *_strangers(numbers)]
    options = replace(choices.training, batch_size=advice.batch_size, max_epochs=advice.epochs)
    spec = build_spec(choices, advice)
    work = advice.batch_size * 4 * advice.units * (getattr(spec.layers[0], "size", PITCHES) + advice.units)
    about = [str(choices), hashlib.sha256(train.tobytes() + held.tobytes()).hexdigest()]
    trainer = Trainer(options, work=work, fingerprint=about, progress=progress)
    problem = Problem(
        spec, lambda given: Tracks(train, given, choices.window), CarriedLoss(), CarriedValidation(held, train)
    )
    if choices.music:
        pieces, own = (numbers_of(vocabulary, texts) for texts in (parts.train, parts.validation))
        validate = PieceValidation(own, joint=choices.joint)
        problem = Problem(spec, lambda given: Pieces(pieces, given, choices), PieceLoss(), validate)
    found = LanguageFitted(**trainer.train(problem).left(notes), **kept)
    return found if choices.training.refit is False or choices.music else _read_on(found, trainer, problem)


def _read_on(found: LanguageFitted, trainer: Trainer, problem: Problem) -> LanguageFitted:
    """Go on to the validation part, once it has chosen the epoch: it is what stands next to all that will be read."""
    train, held = found.numbers["train"], found.numbers["validation"]
    text = np.concatenate([train[-len(held) :], held])  # as much of what stands before it is read along
    usual = trainer.options
    tracks = max(1, min(usual.batch_size, TRACKS_ON, len(text) // (2 * found.window)))
    softer = SOFTER * usual.learning_rate
    own = replace(usual, batch_size=tracks, learning_rate=softer, max_epochs=PASSES_ON, patience=0)
    again = replace(
        problem,
        batches=lambda given: Tracks(text, given, found.window),
        loss=CarriedLoss(),
        validation=None,
        start=dict(found.network.state_dict()),
    )
    after = Trainer(own, work=trainer.work, fingerprint=trainer.fingerprint, progress=trainer.progress)
    network = after.train(again, name="refit").network
    message = "The validation part, which chose the epoch, was then learned too: {passes} passes over it."
    note = Note("refit", message, {"passes": PASSES_ON})
    return replace(found, network=network, notes=(*found.notes, note), selected=found)


def settled(sequences: Sequences, parts: TextParts, vocabulary: Vocabulary, choices: LanguageChoices) -> dict[str, Any]:
    """Fields of a `LanguageFitted` that are settled before the training."""
    numbers = {name: join(vocabulary, parts[name]) for name in ("train", "validation", "test")}
    advice = advise(choices, sum(map(len, parts.train)), len(numbers["train"]), len(vocabulary))
    found = {"sequences": sequences, "parts": parts, "vocabulary": vocabulary, "numbers": numbers}
    return {**found, "advice": advice, "window": choices.window}


def vocabulary_of(parts: TextParts, choices: LanguageChoices) -> tuple[Vocabulary, Note]:
    """The tokens of the training part.

    Raises:
        DataError: too few of them, or none of music.
    """
    how = choices.preparation
    return Vocabulary.fit(parts.train, choices.tokens, how.vocabulary, how.min_count)


def join(vocabulary: Vocabulary, texts: Sequence[str]) -> Ints:
    """Tokens of texts one after another, an end before each."""
    end = np.array([END], np.int32)
    return np.concatenate([np.empty(0, np.int32), *(part for text in texts for part in (end, vocabulary.encode(text)))])


def _strangers(numbers: dict[str, Ints]) -> Iterator[Note]:
    for part in ("validation", "test"):
        count = int((numbers[part] == UNKNOWN).sum())
        if count:
            message = "{count} tokens of the {part} part ({share} %) are not in the vocabulary: one unknown token."
            share = f"{100 * count / len(numbers[part]):.2f}"
            yield Note("unknown", message, {"count": count, "part": part, "share": share})


class Tracks:
    """A text as B tracks side by side, each read T tokens a step; the state is carried from step to step.

    Every epoch begins at another place of the text, which is taken as a ring.

    Args:
        tokens: [N]. options: batch_size B, and seed. window: T.
    """

    def __init__(self, tokens: Ints, options: TrainOptions, window: int) -> None:
        self.tokens, self.window, self.seed = tokens, window, options.seed
        self.tracks = options.batch_size
        self.length = len(tokens) // self.tracks

    def __len__(self) -> int:
        return (self.length + self.window - 1) // self.window

    def epoch(self, epoch: int, start: int) -> Iterator[Batch]:
        """Tokens [B, T], what follows each [B, T], and whether tracks begin here."""
        shift = int(np.random.default_rng([self.seed, epoch]).integers(len(self.tokens)))
        ring = np.roll(self.tokens, -shift)[: self.tracks * self.length]
        ahead = np.roll(self.tokens, -shift - 1)[: self.tracks * self.length]
        both = [torch.from_numpy(part.reshape(self.tracks, self.length).astype(np.int64)) for part in (ring, ahead)]
        for step in range(start, len(self)):
            span = slice(step * self.window, (step + 1) * self.window)
            yield both[0][:, span], both[1][:, span], torch.tensor(step == 0)


class CarriedLoss:
    """Mean -log p of the next token, the state of the recurrence carried on from batch to batch."""

    def __init__(self) -> None:
        self.state: tuple[Tensor, ...] = ()
        self.teacher = TEACHER.get()
        self.its: tuple[Tensor, ...] = ()  # state of the teacher; a checkpoint has it not: no student is resumed

    def __call__(self, network: nn.Module, batch: Batch) -> Tensor:
        tokens, ahead, first = batch
        output = network(tokens, state=() if bool(first) else self.state)
        self.state = tuple(part.detach() for part in output.state)
        own = output.values.flatten(0, 2)
        hard = functional.cross_entropy(own, ahead.flatten())
        if self.teacher is None:
            return hard
        with torch.no_grad():
            said = self.teacher[0](tokens, state=() if bool(first) else self.its)
        self.its = tuple(said.state)
        return softened(hard, own, said.values.flatten(0, 2), self.teacher[1])

    def carried(self) -> dict[str, Tensor]:
        """The state, for a checkpoint."""
        return {str(place): part for place, part in enumerate(self.state)}

    def carry(self, tensors: dict[str, Tensor]) -> None:
        """Go on from the state of a checkpoint."""
        self.state = tuple(tensors[name] for name in sorted(tensors))


class CarriedValidation(Validation):
    """Mean -log p of held-out tokens, after those before them."""

    def __init__(self, tokens: Ints, before: Ints) -> None:
        self.tokens, self.before = tokens, before
        self.independent = None

    def __call__(self, network: nn.Module) -> float:
        return float(carried_nats(network, self.tokens, self.before).mean())


def carried_nats(network: nn.Module, tokens: Ints, before: Ints, warm: int = WARM, most: int = 32) -> Floats:
    """-log p of each token [N], the state carried on from those before it.

    A long text is read as several stretches at once, each begun with the `warm` tokens before it: what the state keeps
    of older ones is little.

    Args:
        network: in evaluation mode. tokens: [N]. before: what stands before them. most: stretches at once.
    """
    lead = np.concatenate([np.full(max(warm - len(before), 0) + 1, END, np.int32), before[-warm:]])[-warm - 1 :]
    count = max(1, min(most, len(tokens) // (8 * warm)))
    length = -(-len(tokens) // count)
    whole = np.concatenate([lead, tokens, np.full(count * length - len(tokens), END, np.int32)])
    rows = np.stack([whole[own * length : own * length + warm + 1 + length] for own in range(count)]).astype(np.int64)
    return _walk(network, torch.from_numpy(rows))[:, warm:].ravel()[: len(tokens)]


def block_nats(network: nn.Module, tokens: Ints, block: int, most: int = 64) -> Floats:
    """-log p of each token [N] in blocks that each begin from an empty context (an end of a text)."""
    count = -(-len(tokens) // block)
    whole = np.concatenate([tokens, np.full(count * block - len(tokens), END, np.int32)]).reshape(count, block)
    rows = torch.from_numpy(np.concatenate([np.full((count, 1), END, np.int32), whole], axis=1).astype(np.int64))
    parts = [_walk(network, rows[first : first + most]) for first in range(0, count, most)]
    return np.concatenate(parts).ravel()[: len(tokens)]


def _walk(network: nn.Module, rows: Tensor) -> Floats:
    """-log p [S, T] of rows [S, T + 1] but for the first token, from zeros."""
    size = int(network.spec.outputs)  # type: ignore[union-attr, arg-type]
    chunk = max(1, min(WARM, SCORES // (len(rows) * size)))
    state: tuple[Tensor, ...] = ()
    found = []
    with torch.no_grad():
        for first in range(0, rows.shape[1] - 1, chunk):
            span = rows[:, first : first + chunk + 1]
            output = network(span[:, :-1].contiguous(), state=state)
            state = output.state
            scores = output.values[:, :, 0]
            each = functional.cross_entropy(scores.flatten(0, 1), span[:, 1:].flatten(), reduction="none")
            found.append(each.view(len(rows), -1))
    return torch.cat(found, dim=1).double().numpy()


def adapted_nats(
    network: nn.Module,
    tokens: Ints,
    before: Ints,
    squares: dict[str, Tensor],
    *,
    rate: float,
    decay: float,
    segment: int,
) -> Floats:
    """-log p of each token [N] of a network that goes on learning while it reads (dynamic evaluation).

        g = gradient of a segment's mean loss, once it was scored
        w = w - rate g / (s + 1e-5) + decay min(s / mean s, 1 / decay) (w0 - w)

    with s the root mean square of g over the training text.

    Args:
        network: a copy of its own, which is changed. tokens, before: as of `carried_nats`. squares: by weight, s.
        rate, decay: how fast it learns, and forgets what it learned. segment: tokens that are read at once.

    Source: Krause, Kahembwe, Murray and Renals (2018), arXiv:1709.07432.
    """
    weights = dict(network.named_parameters())
    start = {name: weight.detach().clone() for name, weight in weights.items()}
    mean = float(torch.cat([own.flatten() for own in squares.values()]).mean())
    pull = {name: (own / mean).clamp_max(1 / decay if decay else 1.0) * decay for name, own in squares.items()}
    whole = np.concatenate([np.array([END], np.int32), before, tokens])[-len(tokens) - WARM - 1 :]
    first, found = len(whole) - len(tokens) - 1, []
    state: tuple[Tensor, ...] = ()
    rows = torch.from_numpy(whole[None].astype(np.int64))
    if first:
        with torch.no_grad():
            state = network(rows[:, :first], state=()).state
    for at in range(first, rows.shape[1] - 1, segment):
        span = rows[:, at : at + segment + 1]
        output = network(span[:, :-1].contiguous(), state=tuple(part.detach() for part in state))
        state = output.state
        each = functional.cross_entropy(output.values.flatten(0, 2), span[:, 1:].flatten(), reduction="none")
        found.append(each.detach())
        gradients = torch.autograd.grad(each.mean(), list(weights.values()))
        with torch.no_grad():
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
                weight.add_(pull[name] * (start[name] - weight)).addcdiv_(gradient, squares[name] + 1e-5, value=-rate)
    return torch.cat(found).double().numpy()


def root_squares(network: nn.Module, tokens: Ints, segment: int, most: int = 200) -> dict[str, Tensor]:
    """Root mean square of each weight's gradient over segments of the training text, spread evenly."""
    sums = {name: torch.zeros_like(weight) for name, weight in network.named_parameters()}
    places = np.unique(np.linspace(0, max(len(tokens) - segment - 1, 0), most).astype(np.int64))
    for place in places.tolist():
        span = torch.from_numpy(tokens[None, place : place + segment + 1].astype(np.int64))
        output: Any = network(span[:, :-1].contiguous())
        loss = functional.cross_entropy(output.values.flatten(0, 2), span[:, 1:].flatten())
        for own, gradient in zip(sums.values(), torch.autograd.grad(loss, list(network.parameters())), strict=True):
            own.addcmul_(gradient, gradient)
    return {name: (own / len(places)).sqrt() for name, own in sums.items()}
