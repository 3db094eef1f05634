"""A linear model of which tokens, and which pairs of neighbours, a text has: tf-idf weights, with numpy alone.

Shape letters: B texts, T tokens, V vocabulary, F terms (V tokens, then the rows that pairs share), O outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.inputs import UNKNOWN, pair_rows

Ints = NDArray[np.int64]


def terms(tokens: NDArray[Any], vocabulary: int, pairs: int) -> tuple[Ints, Ints, Ints]:
    """Rows, terms and counts [n], in the order of the rows: which text [B, T] has which term how often.

    Padding and the unknown token are no terms, nor are pairs with one of them.
    """
    given = np.asarray(tokens, np.int64)
    row = np.broadcast_to(np.arange(len(given))[:, None], given.shape)
    known = given > UNKNOWN
    both = known[:, :-1] & known[:, 1:]
    found = np.concatenate([given[known], vocabulary + pair_rows(given[:, :-1], given[:, 1:], pairs)[both]])
    wide = vocabulary + pairs
    keys, counts = np.unique(np.concatenate([row[known], row[:, 1:][both]]) * wide + found, return_counts=True)
    return keys // wide, keys % wide, counts


def term_weights(found: tuple[Ints, Ints, Ints], idf: NDArray[Any], texts: int) -> NDArray[np.float64]:
    """[n] (1 + ln count) idf of each term, divided by the root of the sum of their squares in each text."""
    rows, places, counts = found
    x = (1 + np.log(counts)) * idf[places]
    norms = np.sqrt(np.bincount(rows, x * x, minlength=texts))
    return np.asarray(x / np.where(norms > 0, norms, 1.0)[rows])  # terms that training has not have idf 0


def bag_scores(
    tokens: NDArray[Any], pairs: int, idf: NDArray[Any], weight: NDArray[Any], bias: NDArray[Any]
) -> NDArray[np.float32]:
    """[B, O] scores of texts [B, T]: bias [O] + the weights [F, O] of their terms; idf: [F]."""
    found = terms(tokens, len(idf) - pairs, pairs)
    x = term_weights(found, idf, len(tokens))[:, None] * weight[found[1]]
    scores = np.zeros((len(tokens), weight.shape[1]))
    rows, first = np.unique(found[0], return_index=True)
    if len(rows):
        scores[rows] = np.add.reduceat(x, first, axis=0)
    return np.asarray(scores + bias, np.float32)
