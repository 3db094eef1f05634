"""Sequences as one row of plain statistics each, and texts as weighted counts of words: to try before any network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.optional import require
from tidegate.core.sequences import Sequences

Array = NDArray[np.float64]

QUANTILES = (0.25, 0.5, 0.75)
STATISTICS = 7 + len(QUANTILES)  # mean, std, min, max, first, last, slope, and the quantiles
WIDE = 300  # channels from which on only mean and std are taken
PICTURE = 8  # frames are averaged down to so many rows and columns
WORDS = 50  # most frequent values of a category that get a column
FARTHEST = 10.0  # standard deviations from the mean: a linear method goes astray on what lies beyond
_BLOCK = 4_000_000  # values that are held as floats at once


@dataclass(frozen=True)
class Summary:
    """How sequences become rows of numbers; fitted on the training part.

    Attributes:
        words: category -> its most frequent values in the training part.
        mean, scale: [F] of the training rows, scale 1 where a column is constant.
    """

    words: Mapping[str, tuple[str, ...]]
    mean: Array
    scale: Array

    @classmethod
    def fit(cls, train: Sequences) -> tuple[Summary, Array]:
        """The summary, and the standardised rows [M, F] of the training part."""
        words = {name: frequent(values, WORDS) for name, values in train.categories.items()}
        raw = statistics(train, words)
        seen = np.isfinite(raw)
        count = np.maximum(seen.sum(axis=0), 1)
        mean = np.where(seen, raw, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(seen, raw - mean, 0.0) ** 2).sum(axis=0) / count)
        found = cls(words, mean, np.where(spread > 1e-9 * np.maximum(np.abs(mean), 1e-300), spread, 1.0))
        return found, found._scaled(raw)

    def apply(self, sequences: Sequences) -> Array:
        """Standardised rows [M, F]; what is missing is the training part's mean."""
        return self._scaled(statistics(sequences, self.words))

    def _scaled(self, raw: Array) -> Array:
        return np.clip(np.nan_to_num((raw - self.mean) / self.scale, nan=0.0), -FARTHEST, FARTHEST)


def statistics(sequences: Sequences, words: Mapping[str, tuple[str, ...]]) -> Array:
    """Statistics of every channel, frequencies of every category's values, and the number of steps, [M, F].

    A channel gives mean, standard deviation, smallest, largest, first and last value, slope per step (least squares)
    and quartiles; from 300 channels on mean and standard deviation only. Missing values are left out, NaN if all are.
    """
    values, lengths = plain_values(sequences), sequences.lengths
    segment = np.repeat(np.arange(len(lengths)), lengths)
    columns = [lengths.astype(np.float64)[:, None]]
    size = max(1, _BLOCK // max(len(values), 1))
    for begin in range(0, values.shape[1], size):
        block = np.asarray(values[:, begin : begin + size], dtype=np.float64)
        block = np.where(np.isfinite(block), block, np.nan)
        columns.append(_channels(block, sequences.starts, segment, brief=values.shape[1] >= WIDE))
    for name, kept in words.items():
        place = {word: index for index, word in enumerate(kept)}
        codes = np.array([place.get(str(value), len(kept)) for value in sequences.categories[name]], dtype=np.int64)
        table = np.bincount(segment * (len(kept) + 1) + codes, minlength=len(lengths) * (len(kept) + 1))
        shares = table.reshape(len(lengths), -1) / np.maximum(lengths, 1)[:, None]
        columns.append(shares[:, :-1])
    return np.concatenate(columns, axis=1)


def plain_values(sequences: Sequences) -> NDArray[Any]:
    """The channels [N, C]; frames [N, H * W * colours] averaged down to 64 shades of grey."""
    if sequences.frame is None:
        return sequences.values
    height, width, colours = sequences.frame
    rows, columns = min(PICTURE, height), min(PICTURE, width)
    tall = np.linspace(0, height, rows + 1).astype(np.int64)[:-1]
    broad = np.linspace(0, width, columns + 1).astype(np.int64)[:-1]
    area = np.outer(np.diff(np.append(tall, height)), np.diff(np.append(broad, width))) * colours
    out = np.empty((len(sequences.values), rows * columns), dtype=np.float32)
    size = max(1, _BLOCK // (height * width * colours))
    for begin in range(0, len(out), size):
        frames = sequences.values[begin : begin + size].reshape(-1, height, width, colours)
        sums = np.add.reduceat(frames.sum(axis=3, dtype=np.float64), tall, axis=1)
        shades = np.add.reduceat(sums, broad, axis=2) / area
        out[begin : begin + size] = shades.reshape(len(frames), -1)
    return out


def frequent(values: NDArray[Any], count: int) -> tuple[str, ...]:
    """The most frequent values of a column of text, most frequent first, ties in order of the alphabet."""
    names, counts = np.unique(np.array([str(value) for value in values], dtype=object), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:count]
    return tuple(str(names[place]) for place in order)


def _channels(x: Array, starts: NDArray[np.int64], segment: NDArray[np.int64], *, brief: bool) -> Array:
    """[M, C * statistics] of values [N, C]; NaN for sequences without steps."""
    lengths = np.diff(starts)
    full = np.flatnonzero(lengths > 0)
    first = starts[:-1][full]
    out = np.full((2 if brief else STATISTICS, len(lengths), x.shape[1]), np.nan)
    if not full.size:
        return _joined(out)
    seen = np.isfinite(x)
    count = np.add.reduceat(seen, first, axis=0, dtype=np.float64)
    known = np.where(count > 0, count, np.nan)
    mean = np.add.reduceat(np.where(seen, x, 0.0), first, axis=0) / known
    place = np.searchsorted(full, segment)
    apart = np.where(seen, x - mean[place], 0.0)
    apart[np.abs(apart) <= 1e-12 * np.abs(mean[place])] = 0.0  # a constant channel has no spread, not one of rounding
    out[0, full] = mean
    out[1, full] = np.sqrt(np.add.reduceat(apart * apart, first, axis=0) / known)
    if not brief:
        out[2, full] = np.fmin.reduceat(x, first, axis=0)
        out[3, full] = np.fmax.reduceat(x, first, axis=0)
        out[4, full] = x[first]
        out[5, full] = x[first + lengths[full] - 1]
        step = np.arange(len(x)) - np.repeat(first, lengths[full])
        when = np.where(seen, step[:, None].astype(np.float64), 0.0)
        middle = np.add.reduceat(when, first, axis=0) / known
        when = np.where(seen, when - middle[place], 0.0)
        width = np.add.reduceat(when * when, first, axis=0)
        slope = np.add.reduceat(when * apart, first, axis=0) / np.where(width > 0, width, np.inf)
        out[6, full] = np.where(count > 0, slope, np.nan)
        for channel in range(x.shape[1]):
            ranked = x[np.lexsort((x[:, channel], segment)), channel]  # NaN come last in every sequence
            for row, level in enumerate(QUANTILES):
                at = level * np.maximum(count[:, channel] - 1, 0)
                low = np.floor(at).astype(np.int64)
                high = np.minimum(low + 1, np.maximum(count[:, channel] - 1, 0).astype(np.int64))
                out[7 + row, full, channel] = ranked[first + low] * (1 - at + low) + ranked[first + high] * (at - low)
    return _joined(out)


def _joined(statistics: Array) -> Array:
    """[S, M, C] as [M, C * S]: channel by channel, so that the blocks they were computed in do not show."""
    moved = np.moveaxis(statistics, 0, 2)
    return np.ascontiguousarray(moved).reshape(moved.shape[0], -1)


MOST = 200_000  # terms that are kept at most
_HAN = (("\u3040", "\u30ff"), ("\u3400", "\u9fff"), ("\uf900", "\ufaff"))  # kana, Chinese characters
_SAMPLE = 500


def unspaced(texts: NDArray[Any]) -> bool:
    """Whether texts are written without spaces between words: a third of the letters are Chinese or Japanese."""
    sample = "".join(str(text) for text in texts[:_SAMPLE] if text is not None)
    letters = [letter for letter in sample if letter.isalpha()]
    han = sum(any(low <= letter <= high for low, high in _HAN) for letter in letters)
    return 3 * han > len(letters)


def bag_of_words(train: NDArray[Any]) -> tuple[Any, Callable[[NDArray[Any]], Any]]:
    """Term weights of texts, tf-idf with logarithmic counts, of single terms and pairs of neighbours.

    Args:
        train: [M] texts, None for a missing one.

    Returns:
        [M, F] sparse, and a function that gives the same of other texts.
    """
    feature = require("sklearn.feature_extraction.text", extra="train", purpose="fit the baselines of texts")
    characters = unspaced(train)
    weigher = feature.TfidfVectorizer(
        analyzer="char" if characters else "word",
        ngram_range=(1, 2),
        token_pattern=None if characters else r"(?u)\w+(?:['\u2019]\w+)?|[^\w\s]",  # marks say something too
        sublinear_tf=True,
        max_features=MOST,
        dtype=np.float64,
    )
    plain = ["" if text is None else str(text) for text in train]
    try:
        rows = weigher.fit_transform(plain)
    except ValueError:  # no word in any text
        rows = np.zeros((len(plain), 1))
        return rows, lambda texts: np.zeros((len(texts), 1))
    return rows, lambda texts: weigher.transform(["" if text is None else str(text) for text in texts])
