"""Operating conditions: channels of few levels (an altitude, a speed, a program) that shift and stretch all the others.

Where nearly all that a channel does is to follow the condition, what matters is how it differs from what is usual under
that condition. Such channels are measured condition by condition:

    value -> (value - mean under the condition) / deviation under the condition

Shape letters: N steps, C channels, K conditions, D channels that tell the condition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.sequences import Sequences
from tidegate.core.table import Note
from tidegate.core.translate import tr

Floats = NDArray[np.float64]
MOST_LEVELS, MOST_CONDITIONS, FEWEST_STEPS = 20, 50, 30
GAP = 0.02  # of a channel's range: levels lie further apart, and are narrower
EXPLAINED, USUAL, GAIN = 0.9, 0.5, 0.005  # share of the variance, of the channels, and what one more must add
LOOKED_AT = 20_000  # steps at most, evenly spread
LARGEST = 2**57  # keys that may still be multiplied by a number of levels
FLAT = 1e-9  # of the largest value: a smaller deviation is none


@dataclass(frozen=True)
class Conditions:
    """What is usual under each condition.

    Attributes:
        names: [D] channels that tell it. channels: [C] channels that are measured under it.
        levels: [D] sorted levels of each of the D. table: [K, D] which levels make a condition.
        offset, factor: [K + 1, C] what is taken from a channel's values, then what they are multiplied by (0 where the
            channel does not change); the last row, of all steps together, for what no training step had.
    """

    names: tuple[str, ...]
    channels: tuple[str, ...]
    levels: tuple[tuple[float, ...], ...]
    table: tuple[tuple[int, ...], ...]
    offset: tuple[tuple[float, ...], ...]
    factor: tuple[tuple[float, ...], ...]

    def codes(self, columns: Sequence[Floats]) -> NDArray[np.int64]:
        """[N] the condition of each step, K where it is none of them, of the D columns [N] that tell it."""
        if not self.table:
            return np.zeros(len(columns[0]), np.int64)
        table, steps, bound = np.array(self.table, np.int64), len(columns[0]), 1
        both = np.zeros(steps + len(table), np.int64)
        for own, levels, row in zip(columns, self.levels, table.T, strict=True):
            if bound > LARGEST:  # many channels: the keys so far by their ranks, of which there are fewer
                both, bound = np.unique(both, return_inverse=True)[1].reshape(-1), len(both)
            both = both * (len(levels) + 1) + np.concatenate([_nearest(own, np.array(levels)), row]) + 1
            bound *= len(levels) + 1
        keys, known = both[:steps], both[steps:]
        order = np.argsort(known)
        place = np.searchsorted(known[order], keys)
        held = (place < len(known)) & (known[order[np.minimum(place, len(known) - 1)]] == keys)
        return np.where(held, order[np.minimum(place, len(known) - 1)], len(known))

    def apply(self, values: Floats, names: Sequence[str]) -> tuple[Floats, int]:
        """Values [N, *] of channels of these names, measured under their conditions; how many steps are under none."""
        place = {name: at for at, name in enumerate(names)}
        codes = self.codes([values[:, place[name]] for name in self.names])
        out = np.array(values, np.float64)
        offset, factor = np.array(self.offset), np.array(self.factor)
        for at, name in enumerate(self.channels):
            own = out[:, place[name]]
            finite = np.isfinite(own)  # what is infinite stays so, and is refused where channels are read
            own[finite] = ((own - offset[codes, at])[finite]) * factor[codes, at][finite]
        return out, int((codes == len(self.table)).sum())


def find_conditions(
    sequences: Sequences, steps: NDArray[np.int64], asked: tuple[str, ...] | str | None
) -> tuple[Conditions | None, list[Note]]:
    """Conditions of the training steps, if there are any, and a note on them.

    Args:
        sequences: values [N, C]. steps: rows of the training part; nothing else is read.
        asked: the channels that tell the condition; "auto" looks for some: of few levels that change within sequences,
            and explain nine tenths of what at least half of the other channels do. None wants none.

    Raises:
        ConfigError: a channel that there is not, or that has no few levels.
    """
    if asked is None or (asked == "auto" and len(sequences.channels) < 2):
        return None, []
    if asked != "auto":
        absent = [name for name in asked if name not in sequences.channels]
        if absent:
            held = ", ".join(sequences.channels[:20])
            raise ConfigError(
                tr("conditions: there is no channel {absent!r}; there are {held}", absent=absent[0], held=held)
            )
    sample = steps[np.linspace(0, len(steps) - 1, min(len(steps), LOOKED_AT)).astype(np.int64)]
    values = sequences.values[sample].astype(np.float64)
    if asked == "auto":
        chosen = _choose(values, np.searchsorted(sequences.starts, sample, side="right"))
    else:
        chosen = {sequences.channels.index(name): _levels(values[:, sequences.channels.index(name)]) for name in asked}
        for place, levels in chosen.items():
            if levels is None:
                name = sequences.channels[place]
                message = (
                    "conditions: channel {name!r} has no few levels (2 to {most_levels}, each narrow beside the gaps "
                    "between them); name channels that tell a condition"
                )
                raise ConfigError(tr(message, name=name, most_levels=MOST_LEVELS))
    if not chosen:
        return None, []
    found = _measure(sequences, steps, {place: levels for place, levels in chosen.items() if levels is not None})
    if not found.table:
        if asked == "auto":
            return None, []
        message = "conditions: none has {fewest_steps} training steps; name fewer channels that tell it"
        raise ConfigError(tr(message, fewest_steps=FEWEST_STEPS))
    message = (
        "{count} operating conditions are told by {columns}; the other channels are measured under each of them by "
        "itself (preparation.conditions)."
    )
    return found, [Note("conditions", message, {"count": len(found.table), "columns": ", ".join(found.names)})]


def _nearest(values: Floats, levels: Floats) -> NDArray[np.int64]:
    """[N] which level is nearest, and -1 where a value is missing or far from all."""
    middle = (levels[1:] + levels[:-1]) / 2
    found = np.searchsorted(middle, values)
    far = ~(np.abs(values - levels[found]) <= GAP * (levels[-1] - levels[0]))
    return np.where(far, -1, found)


def _levels(values: Floats) -> Floats | None:
    """Centres of a few narrow levels that hold all values, or None where there are no such."""
    seen = np.sort(values[np.isfinite(values)])
    if len(seen) < 2 * FEWEST_STEPS or seen[0] == seen[-1]:
        return None
    width = GAP * (seen[-1] - seen[0])
    cuts = np.flatnonzero(np.diff(seen) > width) + 1
    if not 1 <= len(cuts) < MOST_LEVELS:
        return None
    parts = np.split(seen, cuts)
    if any(part[-1] - part[0] > width for part in parts):
        return None
    return np.array([part.mean() for part in parts])


def _choose(values: Floats, owner: NDArray[np.int64]) -> dict[int, Floats | None]:
    """Channels that tell a condition, best first, with their levels; {} where none does.

    Args:
        values: [N, C]. owner: [N] which sequence each step belongs to.
    """
    low, high = (
        reduce(values, axis=0, initial=start) for reduce, start in ((np.fmin.reduce, np.inf), (np.fmax.reduce, -np.inf))
    )
    moving = np.flatnonzero(high > low).tolist()
    every = {place: levels for place in moving if (levels := _levels(values[:, place])) is not None}
    chosen: dict[int, Floats | None] = {}
    joint = np.zeros(len(values), np.int64)
    for place in sorted(
        every, key=lambda place: _width(values[:, place], every[place])
    ):  # settings before what follows them
        others = [other for other in moving if other not in chosen and other != place]
        _, own = np.unique(joint * (MOST_LEVELS + 1) + _nearest(values[:, place], every[place]), return_inverse=True)
        if not others or own.max() >= MOST_CONDITIONS:
            continue
        before, after = (_explained(values[:, others], codes) for codes in (joint, own))
        if (after - before).mean() >= GAIN:
            chosen[place], joint = every[place], own
    others = [other for other in moving if other not in chosen]
    if not chosen or not others:
        return {}
    changing = np.flatnonzero((np.diff(joint) != 0) & (np.diff(owner) == 0))
    alternates = len(np.unique(owner[changing])) >= USUAL * len(np.unique(owner))
    usual = np.mean(_explained(values[:, others], joint) >= EXPLAINED) >= USUAL
    return chosen if alternates and usual else {}


def _width(values: Floats, levels: Floats) -> float:
    """How wide the widest level is beside the narrowest gap."""
    near = levels[np.maximum(_nearest(values, levels), 0)]
    return float(np.nanmax(np.abs(values - near)) / np.diff(levels).min())


def _explained(values: Floats, codes: NDArray[np.int64]) -> Floats:
    """[C] share of each channel's variance that lies between the groups of codes [N]."""
    known = np.isfinite(values)
    plain = np.where(known, values, 0.0)
    count = np.maximum(known.sum(axis=0), 1)
    total = np.where(known, (plain - plain.sum(axis=0) / count) ** 2, 0.0).sum(axis=0)
    within = np.zeros(values.shape[1])
    for code in np.unique(codes):
        own, held = plain[codes == code], known[codes == code]
        mean = own.sum(axis=0) / np.maximum(held.sum(axis=0), 1)
        within += np.where(held, (own - mean) ** 2, 0.0).sum(axis=0)
    return np.asarray(1 - within / np.where(total > 0, total, 1.0))


def _measure(sequences: Sequences, steps: NDArray[np.int64], chosen: dict[int, Floats]) -> Conditions:
    names = tuple(sequences.channels[place] for place in chosen)
    others = [place for place in range(len(sequences.channels)) if place not in chosen]
    levels = tuple(tuple(own.tolist()) for own in chosen.values())
    values = sequences.values[steps].astype(np.float64)
    found = [_nearest(values[:, place], own).tolist() for place, own in chosen.items()]
    counts = Counter(zip(*found, strict=True))
    table = sorted(row for row, count in counts.items() if count >= FEWEST_STEPS and -1 not in row)
    blank = Conditions(names, (), levels, tuple(table), (), ())
    codes = blank.codes([values[:, place] for place in chosen])
    offset, factor = np.zeros((len(table) + 1, len(others))), np.zeros((len(table) + 1, len(others)))
    for code in range(len(table) + 1):
        own = values[:, others] if code == len(table) else values[codes == code][:, others]
        held = np.isfinite(own)
        count = np.maximum(held.sum(axis=0), 1)
        plain = np.where(held, own, 0.0)
        offset[code] = plain.sum(axis=0) / count
        spread = np.sqrt(np.where(held, (plain - offset[code]) ** 2, 0.0).sum(axis=0) / count)
        flat = spread <= FLAT * np.abs(plain).max(axis=0, initial=0.0)
        factor[code] = np.where(flat, 0.0, 1 / np.where(flat, 1.0, spread))
    channels = tuple(sequences.channels[place] for place in others)
    return Conditions(
        names, channels, levels, tuple(table), *(tuple(map(tuple, own.tolist())) for own in (offset, factor))
    )
