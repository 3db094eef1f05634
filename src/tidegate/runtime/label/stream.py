"""Sequences that come one step at a time: the answer for what has come so far, or for the last window of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.checks import Count, check
from tidegate.core.errors import ConfigError, DataError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.translate import tr
from tidegate.prepare.sequence import targets
from tidegate.prepare.sequence.preparation import SequencePreparation
from tidegate.runtime.label.decode import Deciding, answers
from tidegate.runtime.limits import FLOAT, check_room
from tidegate.runtime.model import Streamed
from tidegate.runtime.network.network import Output, members
from tidegate.runtime.network.steps import Steps
from tidegate.runtime.state import MOST_STEPS, Expected, check_state, fingerprint, measured, pack, unpack

Array = NDArray[Any]


class Labels(Streamed[SequencePreparation], Protocol):
    """What a stream asks of a model: see `tidegate.runtime.label.model.LabelModel`."""

    @property
    def labels(self) -> targets.Labels: ...
    @property
    def deciding(self) -> Deciding: ...

    def run(self, past: Array, lengths: NDArray[np.int64] | None) -> Output: ...


class LabelAnswer(NamedTuple):
    """What is predicted after a step; of one stream single, of many arrays that begin with [S].

    Attributes:
        label: the class (of several at once [K] bool); None of a regressor.
        values: [K] probabilities of the classes, or [P] numbers in their own units.
    """

    label: Any
    values: Array


class LabelStream:
    """One sequence, or many that go on together; made by `LabelModel.stream`.

    After any steps the answer is that of `predict` for the sequence as it is then (for its last step, where each has
    its own): from a state that is carried along, or, where the model looks at a window of the last steps, from those.

    Args:
        model: the trained model. streams: S; None for one whose values and answers are single.
    """

    def __init__(self, model: Labels, streams: int | None = None) -> None:
        check("streams", streams, Count | None)
        self.model, self.single, self.count = model, streams is None, streams or 1
        preparation, spec = model.preparation, model.spec
        if preparation.options.max_length is not None:
            raise ConfigError(tr("max_length cuts sequences off: a stream has no end; fit without it, or with window="))
        self.window = model.deciding.window
        if self.window is not None and model.deciding.per_step:
            raise ConfigError(
                tr("an answer for each step of a window of its own cannot be streamed; fit without window")
            )
        carried = self.window or spec.encoder.num_layers * 2 * spec.encoder.hidden_size
        check_room(self.count * FLOAT * carried * spec.past, f"{self.count} streams")
        self.steps: list[Steps] = []
        if self.window is None:
            one = spec.member
            own = members(spec, model.weights) if spec.members > 1 else [model.weights]
            self.steps = [Steps(one, weights, self.count) for weights in own]
        shape = (self.count, self.window or 0, 1 if preparation.tokens is not None else spec.past)
        frames, tokens = preparation.frame is not None, preparation.tokens is not None
        dtype = np.int32 if tokens else np.uint8 if frames else np.float32
        self.ring = np.zeros(shape, dtype)
        self.last = np.full((self.count, len(preparation.channels)), np.nan)
        self.taken = 0

    def __len__(self) -> int:
        return self.count

    def update(self, values: Any, time: Any = None) -> LabelAnswer:
        """Take in the next step of every stream and answer.

        Args:
            values: a number, or [C] channels; a mapping from channels and columns of categories to their values; an
                image of uint8; a token, or a text whose tokens are taken in one after another. Of many streams each
                begins with [S]. Missing numbers are NaN.
            time: not looked at: steps of sequences are counted.

        Raises:
            DataError: a value is infinite or no number, or there are more or fewer than streams and channels.
            SchemaError: a column is unknown.
        """
        sequences, last = self._sequences(values)
        prepared = self.model.preparation.apply(sequences)
        counts = prepared.lengths
        if len(set(counts.tolist())) != 1:
            message = "texts of {least} and {most} tokens: give every stream as many"
            raise DataError(tr(message, least=counts.min(), most=counts.max()))
        rows = prepared.values.reshape(self.count, int(counts[0]), -1)
        self.last = last
        begin = rows.shape[1] - 1 if self.model.preparation.kind == "numbers" else 0
        output: Array | None = None
        for step in range(begin, rows.shape[1]):
            output = self._advance(rows[:, step])
        assert output is not None
        found, labels = answers(output, self.model.labels, self.model.deciding)
        if not self.single:
            return LabelAnswer(labels, found)
        return LabelAnswer(None if labels is None else labels[0], found[0])

    def snapshot(self) -> bytes:
        return pack(self._fingerprint(), {"single": self.single, "taken": self.taken}, self._state())

    def restore(self, snapshot: bytes) -> None:
        about, arrays = unpack(snapshot, self._fingerprint())
        expected = {"last": Expected(self.last.shape, np.float64, missing=True)}
        low, high = (
            (0, max(self.model.preparation.vocabulary - 1, 0)) if self.ring.dtype == np.int32 else (-np.inf, np.inf)
        )
        expected["ring"] = Expected(self.ring.shape, self.ring.dtype, low, high)
        for number, steps in enumerate(self.steps):
            expected |= {f"{number}.{name}": rule for name, rule in steps.expected().items()}
        check_state(arrays, expected, "snapshot")
        taken = about.get("taken")
        if isinstance(taken, bool) or not isinstance(taken, int) or not 0 <= taken < MOST_STEPS:
            raise DataError(tr("the snapshot does not say how many steps were taken"))
        for number, steps in enumerate(self.steps):
            start = f"{number}."
            steps.restore({name.removeprefix(start): own for name, own in arrays.items() if name.startswith(start)})
        self.last, self.ring, self.taken = arrays["last"].copy(), arrays["ring"].copy(), taken

    def _state(self) -> dict[str, Array]:
        found = {"last": self.last, "ring": self.ring}
        for number, steps in enumerate(self.steps):
            found |= {f"{number}.{name}": own for name, own in steps.snapshot().items()}
        return found

    def _fingerprint(self) -> str:
        model = self.model
        about = [model.preparation.to_json(), model.labels.to_json(), model.deciding.to_json(), self.count]
        return fingerprint(model.spec, model.weights, about)

    def _advance(self, row: Array) -> Array:
        """The network's outputs [S, O] after one more prepared row [S, I]."""
        self.taken += 1
        tokens = self.model.preparation.tokens is not None
        if self.window is None:
            inputs = row[:, 0] if tokens else np.asarray(row, np.float32)
            if row.dtype == np.uint8:
                inputs = row.astype(np.float32) / np.float32(255)
            each = [steps.step(inputs) for steps in self.steps]
            return each[0] if len(each) == 1 else np.mean(np.stack(each), axis=0)
        self.ring = np.concatenate([self.ring[:, 1:], row[:, None]], axis=1)
        recent = self.ring[:, -min(self.taken, self.window) :]
        past: Array = recent[:, :, 0] if tokens else np.ascontiguousarray(recent)
        if past.dtype == np.uint8:
            past = past.astype(np.float32) / np.float32(255)
        return self.model.run(past, None).values[:, 0, 0]

    def _sequences(self, values: Any) -> tuple[Sequences, NDArray[np.float64]]:
        """The new step of every stream as sequences (numbers after the last ones, so that gaps are filled), and these.

        The last values are [S, C], NaN where none has come.
        """
        preparation, count = self.model.preparation, self.count
        ids = tuple(map(str, range(count)))
        if preparation.tokens is not None:
            given = [values] if self.single else list(values)
            if len(given) != count or not all(isinstance(text, str) for text in given):
                message = "a step of these streams is {count} text(s); got {given}"
                raise DataError(tr(message, count=count, given=f"{values!r:.60}"))
            words = np.array(given, dtype=object)
            if not preparation.tokens.source:
                return Sequences(ids, np.zeros(count + 1, np.int64), np.zeros((0, 0)), (), texts=words), self.last
            starts = np.arange(count + 1, dtype=np.int64)
            return Sequences(ids, starts, np.zeros((count, 0)), (), {preparation.tokens.source: words}), self.last
        if preparation.frame is not None:
            image = np.asarray(values)
            if image.dtype != np.uint8 or image.size != count * self.model.spec.past:
                message = "a step of these streams is {count} image(s) of uint8 {shape}"
                raise DataError(tr(message, count=count, shape=list(preparation.frame)))
            starts = np.arange(count + 1, dtype=np.int64)
            pixels = image.reshape(count, -1)
            names = tuple(map(str, range(pixels.shape[1])))
            return Sequences(ids, starts, pixels, names, frame=preparation.frame), self.last
        numbers, words_of = self._numbers(values)
        channels = tuple(state.name for state in preparation.channels)
        if preparation.options.fill == "ffill" and self.taken:
            both = np.stack([self.last, numbers], axis=1).reshape(2 * count, -1)
            every = {name: np.repeat(column, 2) for name, column in words_of.items()}
            found = Sequences(ids, 2 * np.arange(count + 1, dtype=np.int64), both, channels, every)
        else:
            found = Sequences(ids, np.arange(count + 1, dtype=np.int64), numbers, channels, words_of)
        return found, np.where(np.isnan(numbers), self.last, numbers)

    def _numbers(self, values: Any) -> tuple[NDArray[np.float64], dict[str, Array]]:
        """[S, C] values of the channels, and [S] of each column of categories."""
        preparation, count = self.model.preparation, self.count
        channels = tuple(state.name for state in preparation.channels)
        columns = tuple(state.name for state in preparation.categories)
        if not isinstance(values, Mapping):
            if columns:
                raise DataError(
                    tr("the model reads categories too: give a mapping, with {shown}", shown=", ".join(columns))
                )
            found = measured(values, channels)
            if found.size != count * len(channels):
                message = "a step of {count} stream(s) has {shown} channel(s) each; got {shown2}"
                raise DataError(tr(message, count=count, shown=len(channels), shown2=list(found.shape)))
            return found.reshape(count, len(channels)), {}
        strangers = sorted(set(values) - {*channels, *columns})
        if strangers:
            message = "column {item} is not one of the model's: {shown}"
            raise SchemaError(tr(message, item=repr(strangers[0]), shown=", ".join((*channels, *columns))))
        numbers = np.full((count, len(channels)), np.nan)
        for place, name in enumerate(channels):
            given = measured(values.get(name, np.nan))
            if given.size not in (1, count):
                raise DataError(
                    tr("{name} has {size} values for {count} stream(s)", name=repr(name), size=given.size, count=count)
                )
            numbers[:, place] = given.ravel()
        words: dict[str, Array] = {}
        for name in columns:
            value = values.get(name)
            entries = [value] * count if value is None or isinstance(value, str) else list(value)
            if len(entries) != count:
                message = "{name} has {size} values for {count} stream(s)"
                raise DataError(tr(message, name=repr(name), size=len(entries), count=count))
            words[name] = np.array(entries, dtype=object)
        return numbers, words
