"""Preparation of sequences: fitted on the training part, applied everywhere, saved as JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError, SchemaError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.prepare.conditions import find_conditions
from tidegate.prepare.document import Written
from tidegate.prepare.options import SequenceOptions
from tidegate.prepare.sequence import document, steps
from tidegate.prepare.sequence.fitted import FittedSequences
from tidegate.prepare.sequence.prepared import PreparedSequences
from tidegate.prepare.sequence.steps import ChannelPlan, ChannelState
from tidegate.prepare.sequence.tokens import UNKNOWN, TokenState, fit_entries, fit_texts

__all__ = ["PreparedSequences", "SequenceOptions", "SequencePreparation"]

FAR = 2  # times shorter or longer than training had, of which a note tells


class SequencePreparation(Written, FittedSequences):
    """What was measured on the training sequences, and the way to it and from it to inputs.

    See `tidegate.prepare.sequence.fitted.FittedSequences` for its attributes.
    """

    FORM: ClassVar = document

    @classmethod
    def fit(
        cls, sequences: Sequences, index: NDArray[np.integer], options: SequenceOptions | None = None
    ) -> SequencePreparation:
        """Measure the training part.

        A single column of categories with more than 64 of them, and no numbers beside it, is read as tokens.

        Args:
            sequences: all of them.
            index: places of the training sequences; no other is looked at.
            options: None takes the defaults.

        Raises:
            ConfigError: no training sequences.
            DataError: an infinite value, a sequence of length zero, texts without a frequent token.
            MissingExtraError: tokens="bpe" without the `tokenizers` library.
        """
        options = options or SequenceOptions()
        chosen = np.asarray(index, dtype=np.int64)
        if not len(chosen):
            raise ConfigError(tr("the training part has no sequences; give it a larger share"))
        if sequences.texts is not None:
            texts = [text or "" for text in sequences.texts[chosen].tolist()]
            state, notes = fit_texts(texts, options)
            counts = np.clip(state.encode(texts)[1], 1, options.max_length)
            return cls(options, tokens=state, notes=tuple(notes), lengths=_ends(counts))
        where, starts, _ = _kept(sequences, chosen, options)
        lengths = _ends(np.diff(starts))
        if sequences.frame is not None:
            return cls(options, frame=sequences.frame, lengths=lengths)
        names = list(sequences.categories)
        if len(names) == 1 and not sequences.channels:
            entries = sequences.categories[names[0]][where].tolist()
            if len(set(entries) - {None}) > steps.MOST_CATEGORIES:
                state, notes = fit_entries(names[0], entries, options)
                return cls(options, tokens=state, notes=tuple(notes), lengths=lengths)
        if not names and not sequences.channels:
            raise SchemaError(
                tr("the sequences have neither channels, categories nor texts; name the features to read")
            )
        conditions, told = find_conditions(sequences, where, options.conditions)
        if conditions is not None:
            values, _ = conditions.apply(sequences.values[where], sequences.channels)
            measured = replace(sequences, values=np.array(sequences.values, np.float64))
            measured.values[where] = values
            sequences = measured
        channels, found = steps.fit_channels(sequences, where, options) if sequences.channels else ((), [])
        categories, more = steps.fit_categories(sequences, where, names)
        told = [*told, *found, *more]
        return cls(options, channels, categories, conditions=conditions, notes=tuple(told), lengths=lengths)

    def apply(self, sequences: Sequences) -> PreparedSequences:
        """Make the inputs of all sequences.

        Raises:
            SchemaError: a channel or column is missing, or the sequences are of another kind than when fitted.
            DataError: a sequence of length zero, an infinite value, a missing one where fill is "none".
            MissingExtraError: byte-pair tokens without the `tokenizers` library.
        """
        if self.tokens is not None and not self.tokens.source:
            return self._apply_texts(sequences, self.tokens)
        if sequences.texts is not None:
            message = "the model was fitted on {kind}, these sequences are texts; give what it was fitted on"
            raise SchemaError(tr(message, kind=self.kind))
        where, starts, notes = _kept(sequences, np.arange(len(sequences)), self.options)
        notes += self._strange_lengths(starts)
        whole = len(where) == int(sequences.starts[-1])
        kept = None if whole else where
        if self.frame is not None:
            if sequences.frame != self.frame:
                message = "the model was fitted on frames {frame}, these are {frame2}"
                raise SchemaError(tr(message, frame=self.frame, frame2=sequences.frame))
            values = sequences.values if whole else sequences.values[where]
            return PreparedSequences(starts, values, kept, tuple(notes))
        if self.tokens is not None:
            entries = _column(sequences, self.tokens.source)[where].tolist()
            ids, _ = self.tokens.lookup([entries])
            notes += _unknown(ids, starts)
            return PreparedSequences(starts, ids, kept, tuple(notes))
        columns = _columns(sequences, self.channels)
        plan = ChannelPlan(self.channels, columns, len(self.input_names), self.options.fill)
        notes += _spare(sequences, self.channels)
        if self.conditions is not None:
            values, strange = self.conditions.apply(sequences.values, sequences.channels)
            sequences = replace(sequences, values=values)
            if strange:
                message = "{count} of {total} steps are under no condition that training had; they are measured by all."
                notes.append(Note("conditions", message, {"count": strange, "total": len(values)}))
        inputs, found = steps.apply_channels(sequences, slice(None) if whole else where, starts, plan)
        notes += found
        at = len(self.channels)
        for state in self.categories:
            values = _column(sequences, state.name)
            notes += steps.apply_category(values if whole else values[where], state, inputs, at)
            at += len(state.categories)
        return PreparedSequences(starts, inputs, kept, tuple(notes))

    def _apply_texts(self, sequences: Sequences, state: TokenState) -> PreparedSequences:
        if sequences.texts is None:
            raise SchemaError(tr("the model was fitted on texts, these sequences have none; name the text column"))
        ids, lengths = state.encode([text or "" for text in sequences.texts.tolist()])
        notes: list[Note] = []
        empty = np.flatnonzero(lengths == 0)
        if len(empty):
            message = "{count} texts have no tokens (first: {first}); each is read as one unknown token."
            notes.append(Note("empty_text", message, {"count": len(empty), "first": sequences.ids[empty[0]]}))
            ids = np.insert(ids, np.cumsum(lengths)[empty], np.int32(UNKNOWN))
            lengths = np.maximum(lengths, 1)
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows, kept, more = _cut(starts, np.arange(len(lengths)), sequences.ids, self.options)
        if len(rows) < len(ids):
            ids, starts = ids[rows], kept
        notes += more + self._strange_lengths(starts) + _unknown(ids, starts)
        return PreparedSequences(starts, ids, None, tuple(notes))

    def _strange_lengths(self, starts: NDArray[np.int64]) -> list[Note]:
        """A note on sequences far shorter or longer than any of training; short texts are nothing strange."""
        if self.lengths is None:
            return []
        (shortest, longest), lengths = self.lengths, np.diff(starts)
        strange = lengths > FAR * longest
        if self.tokens is None or self.tokens.source:
            strange |= FAR * lengths < shortest
        if not strange.any():
            return []
        message = (
            "{count} of {total} sequences are far shorter or longer (first: {steps} steps) than those of training "
            "({shortest} to {longest} steps): how good the answers are there, no score says."
        )
        values = {"count": int(strange.sum()), "total": len(lengths), "steps": int(lengths[strange.argmax()])}
        return [Note("lengths", message, {**values, "shortest": shortest, "longest": longest})]


def _ends(lengths: NDArray[np.int64]) -> tuple[int, int]:
    return int(lengths.min()), int(lengths.max())


def _kept(
    sequences: Sequences, index: NDArray[np.int64], options: SequenceOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Note]]:
    """Steps that stay of the sequences at `index`, where each sequence begins among them, and what was cut."""
    empty = index[sequences.lengths[index] == 0]
    if len(empty):
        names = steps.shown([repr(sequences.ids[place]) for place in empty[:9]])
        message = "{count} sequences have no steps ({names}); leave them out, or give their steps"
        raise DataError(tr(message, count=len(empty), names=names))
    return _cut(sequences.starts, index, sequences.ids, options)


def _cut(
    starts: NDArray[np.int64], index: NDArray[np.int64], ids: tuple[str, ...], options: SequenceOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Note]]:
    first, lengths = starts[:-1][index], np.diff(starts)[index]
    notes = []
    most = options.max_length
    if most is not None and (lengths > most).any():
        long = lengths > most
        message = "{count} of {total} sequences are longer than {most} (longest: {longest}); their end was cut off."
        if options.truncate == "start":
            message = (
                "{count} of {total} sequences are longer than {most} (longest: {longest}); their beginning was cut off."
            )
        values = {"count": int(long.sum()), "total": len(index), "most": most, "longest": int(lengths.max())}
        notes.append(Note("truncated", message, values))
        first = first + np.where(long & (options.truncate == "start"), lengths - most, 0)
        lengths = np.minimum(lengths, most)
    begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(int(begins[-1]), dtype=np.int64) + np.repeat(first - begins[:-1], lengths)
    return rows, begins, notes


def _columns(sequences: Sequences, states: tuple[ChannelState, ...]) -> list[int]:
    places = {name: place for place, name in enumerate(sequences.channels)}
    absent = [state.name for state in states if state.name not in places]
    if absent:
        raise SchemaError(
            tr(
                "the model was fitted on {count} channels, of which these sequences lack {shown}; they "
                "have {count2}: {shown2}",
                count=len(states),
                shown=steps.shown(absent),
                count2=len(places),
                shown2=steps.shown(sequences.channels),
            )
        )
    return [places[state.name] for state in states]


def _spare(sequences: Sequences, states: tuple[ChannelState, ...]) -> list[Note]:
    """A note on channels that the model was not fitted on."""
    known = {state.name for state in states}
    spare = [name for name in sequences.channels if name not in known]
    if not spare:
        return []
    message = "{count} channels that the model was not fitted on are not looked at: {names}."
    return [Note("spare_channels", message, {"count": len(spare), "names": steps.shown(spare)})]


def _column(sequences: Sequences, name: str) -> NDArray[Any]:
    if name not in sequences.categories:
        held = ", ".join(sequences.categories) or "none"
        message = "the model was fitted on a column {name!r} of categories; these sequences have {held}"
        raise SchemaError(tr(message, name=name, held=held))
    return sequences.categories[name]


def _unknown(ids: NDArray[np.int32], starts: NDArray[np.int64]) -> list[Note]:
    unknown = ids == UNKNOWN
    if not unknown.any():
        return []
    message = "{count} of {total} tokens are unknown; {texts} sequences hold nothing else."
    alone = int(np.logical_and.reduceat(unknown, starts[:-1]).sum())
    return [Note("unknown", message, {"count": int(unknown.sum()), "total": len(ids), "texts": alone})]
