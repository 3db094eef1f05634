"""The written form of a preparation of sequences."""

from __future__ import annotations

from typing import Any

from tidegate.prepare import document as state
from tidegate.prepare.conditions import Conditions
from tidegate.prepare.options import MOST_TOKENS, SequenceOptions
from tidegate.prepare.sequence.fitted import FittedSequences
from tidegate.prepare.sequence.steps import CategoryState, ChannelState
from tidegate.prepare.sequence.tokens import SPECIAL, TokenState

_KEYS = ("kind", "options", "channels", "categories", "tokens", "frame", "conditions", "notes", "lengths")
_METHODS = ("word", "char", "bpe", "entry")
_LARGEST_FRAME = 4096


def write(preparation: FittedSequences) -> dict[str, Any]:
    """All fitted numbers as JSON values."""
    tokens, frame = preparation.tokens, preparation.frame
    return {
        "format": state.FORMAT,
        "kind": preparation.kind,
        "options": preparation.options.to_json(),
        "channels": [vars(channel).copy() for channel in preparation.channels],
        "categories": [
            {"name": column.name, "categories": list(column.categories)} for column in preparation.categories
        ],
        "tokens": tokens
        and {
            "source": tokens.source,
            "method": tokens.method,
            "lowercase": tokens.lowercase,
            "vocabulary": list(tokens.vocabulary),
            "merges": [list(pair) for pair in tokens.merges],
        },
        "frame": None if frame is None else list(frame),
        "conditions": preparation.conditions
        and {
            name: [list(row) if isinstance(row, tuple) else row for row in rows]
            for name, rows in vars(preparation.conditions).items()
        },
        "notes": [state.write_note(note) for note in preparation.notes],
        "lengths": preparation.lengths and list(preparation.lengths),
    }


def read(value: object) -> FittedSequences:
    """Read and check what `write` wrote.

    Raises:
        ArtifactError: anything is missing, unknown, of the wrong type, not finite, or of a newer format.
    """
    found = state.document({"lengths": None, **value} if isinstance(value, dict) else value, _KEYS)
    preparation = FittedSequences(
        options=SequenceOptions.from_json(found["options"]),
        channels=state.items(found["channels"], "channels", _channel),
        categories=state.items(found["categories"], "categories", _category),
        tokens=state.optional(found["tokens"], "tokens", _tokens),
        frame=state.optional(found["frame"], "frame", _frame),
        conditions=state.optional(found["conditions"], "conditions", _conditions),
        notes=state.items(found["notes"], "notes", state.read_note),
        lengths=state.optional(found["lengths"], "lengths", _lengths),
    )
    _check_agreement(preparation, state.choice(found["kind"], "kind", ("numbers", "tokens", "frames")))
    return preparation


def _check_agreement(preparation: FittedSequences, kind: str) -> None:
    """The parts must tell the same story."""
    held = {
        "numbers": bool(preparation.channels or preparation.categories),
        "tokens": preparation.tokens is not None,
        "frames": preparation.frame is not None,
    }
    if [name for name, present in held.items() if present] != [kind]:
        raise state.wrong("kind", "what the document holds, and nothing beside it")
    for place, names in (
        ("channels", [channel.name for channel in preparation.channels]),
        ("categories", [column.name for column in preparation.categories]),
    ):
        state.distinct(names, place)
    conditions = preparation.conditions
    known = {channel.name for channel in preparation.channels}
    if conditions is not None and not known >= {*conditions.names, *conditions.channels}:
        raise state.wrong("conditions", "channels that are among the channels")
    tokens = preparation.tokens
    if tokens is not None and tokens.method not in (preparation.options.tokens, "entry"):
        raise state.wrong("tokens.method", f"{preparation.options.tokens!r}, as in the options")


def _channel(value: object, place: str) -> ChannelState:
    found = state.record(value, place, ("name", "offset", "scale", "mean", "mask", "missing", "empty"))
    return ChannelState(
        state.text(found["name"], f"{place}.name"),
        state.number(found["offset"], f"{place}.offset"),
        state.positive(found["scale"], f"{place}.scale"),
        state.number(found["mean"], f"{place}.mean"),
        state.flag(found["mask"], f"{place}.mask"),
        state.whole(found["missing"], f"{place}.missing"),
        state.flag(found["empty"], f"{place}.empty"),
    )


def _conditions(value: object, place: str) -> Conditions:
    found = state.record(value, place, tuple(Conditions.__dataclass_fields__))

    def table(name: str, one: Any) -> tuple[Any, ...]:
        where = f"{place}.{name}"
        return state.items(found[name], where, lambda row, at: state.items(row, at, one, 4096))

    names, channels = (state.items(found[name], f"{place}.{name}", state.text) for name in ("names", "channels"))
    levels, rows = table("levels", state.number), table("table", state.whole)
    own = Conditions(names, channels, levels, rows, table("offset", state.number), table("factor", state.number))
    fits = len(levels) == len(names) and all(len(row) == len(names) for row in rows)
    fits = fits and all(len(one) > 1 and list(one) == sorted(set(one)) for one in levels)
    fits = fits and all(0 <= at < len(one) for row in rows for at, one in zip(row, levels, strict=True))
    fits = fits and len(own.offset) == len(own.factor) == len(rows) + 1 and len(set(rows)) == len(rows)
    if not fits or any(len(row) != len(channels) for row in (*own.offset, *own.factor)):
        raise state.wrong(
            place, "levels of each channel that tells a condition, and a row of figures for each condition"
        )
    return own


def _category(value: object, place: str) -> CategoryState:
    found = state.record(value, place, ("name", "categories"))
    categories = state.items(found["categories"], f"{place}.categories", state.text, 255)
    state.distinct(categories, f"{place}.categories")
    return CategoryState(state.text(found["name"], f"{place}.name"), categories)


def _tokens(value: object, place: str) -> TokenState:
    found = state.record(value, place, ("source", "method", "lowercase", "vocabulary", "merges"))
    source = state.text(found["source"], f"{place}.source")
    method = state.choice(found["method"], f"{place}.method", _METHODS)
    vocabulary = state.items(found["vocabulary"], f"{place}.vocabulary", state.text, MOST_TOKENS)
    known = set(vocabulary)
    if vocabulary[:2] != SPECIAL or len(vocabulary) < 3 or len(known) != len(vocabulary):
        raise state.wrong(f"{place}.vocabulary", f"{', '.join(SPECIAL)}, then tokens without repetition")
    merges = state.items(found["merges"], f"{place}.merges", _pair, MOST_TOKENS)
    if (method == "entry") != bool(source) or (merges and method != "bpe"):
        raise state.wrong(
            f"{place}.method", "'entry' exactly where a source is named, and 'bpe' where there are merges"
        )
    for left, right in merges:
        if not {left, right, left + right} <= known:
            raise state.wrong(f"{place}.merges", "pairs of pieces of the vocabulary that make another of its pieces")
    return TokenState(source, method, state.flag(found["lowercase"], f"{place}.lowercase"), vocabulary, merges)


def _pair(value: object, place: str) -> tuple[str, str]:
    pair = state.items(value, place, state.text, 2)
    if len(pair) != 2:
        raise state.wrong(place, "a pair")
    return pair[0], pair[1]


def _lengths(value: object, place: str) -> tuple[int, int]:
    ends = state.items(value, place, state.whole, 2)
    if len(ends) != 2 or not 1 <= ends[0] <= ends[1]:
        raise state.wrong(place, "the steps of the shortest and of the longest sequence")
    return ends[0], ends[1]


def _frame(value: object, place: str) -> tuple[int, int, int]:
    sides = state.items(value, place, state.whole, 3)
    if len(sides) != 3 or not all(1 <= side <= _LARGEST_FRAME for side in sides[:2]) or sides[2] not in (1, 3):
        raise state.wrong(place, f"[height, width, colours], each side from 1 to {_LARGEST_FRAME}, 1 or 3 colours")
    return sides[0], sides[1], sides[2]
