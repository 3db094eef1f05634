"""Texts as weighted counts of words and pairs of words, or of characters where words are not spaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.optional import require

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
