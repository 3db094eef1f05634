"""What a model that writes is held against: texts that are taken, not written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.evaluate.label.baselines.summary import bag_of_words
from tidegate.evaluate.text.metrics import pieces
from tidegate.prepare.pictures import Pixels, shrink

AT_ONCE = 256  # sources that are compared with all of the training part
TAKEN_FROM = 0.3  # share of a target's words that stand in its own source, from which on it is a summary of it
SAMPLE = 500
SMALL = 16  # pixels of a side, of pictures that are compared
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


def nearest_targets(known: Sequence[str], targets: Sequence[str], sources: Sequence[str]) -> list[str]:
    """The target of the training source most like each source: cosine of the tf-idf of words and pairs of them;
    of letters where it has no known word.

    Args:
        known, targets: [M] sources and targets of the training part. sources: [N].
    """
    found, alike = _nearest(known, sources)
    strangers = [place for place, share in enumerate(alike.tolist()) if share == 0]
    if strangers:  # no word in common: by letters
        letters, _ = _nearest([" ".join(text) for text in known], [" ".join(sources[place]) for place in strangers])
        found[strangers] = letters
    return [targets[place] for place in found.tolist()]


def _nearest(known: Sequence[str], sources: Sequence[str]) -> tuple[Any, Any]:
    """Places of the nearest texts, and their cosines."""
    rows, weigh = bag_of_words(_texts(known))
    places, shares = np.zeros(len(sources), np.int64), np.zeros(len(sources))
    for first in range(0, len(sources), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        likeness: Any = weigh(_texts(sources[part])) @ rows.T
        likeness = likeness.toarray() if hasattr(likeness, "toarray") else np.asarray(likeness)
        places[part], shares[part] = likeness.argmax(axis=1), likeness.max(axis=1)
    return places, shares


def nearest_captions(known: Pixels, captions: Sequence[str], pictures: Pixels) -> list[str]:
    """The caption of the training picture nearest to each: the smallest mean square of pixels, at 16 by 16.

    Args:
        known: [M, H, W, C] training pictures. captions: [M] of them. pictures: [N, H, W, C].
    """
    ours, theirs = (_small(part) for part in (known, pictures))
    found: list[str] = []
    for first in range(0, len(theirs), AT_ONCE):
        part = theirs[first : first + AT_ONCE]
        far = (ours**2).sum(axis=1) - 2 * part @ ours.T  # but for what all have in common
        found += [captions[place] for place in far.argmin(axis=1).tolist()]
    return found


def _small(pictures: Pixels) -> NDArray[np.float32]:
    size = (min(SMALL, pictures.shape[1]), min(SMALL, pictures.shape[2]))
    small = shrink(pictures, size, pictures.shape[3] == 3).reshape(len(pictures), -1)
    return np.asarray(small, np.float32)


def most_frequent(targets: Sequence[str], count: int) -> list[str]:
    """The most frequent training target (the first of several), again and again."""
    return [Counter(targets).most_common(1)[0][0]] * count


def taken(sources: Sequence[str], targets: Sequence[str]) -> bool:
    """Whether targets are in their sources' own words, as summaries are and translations are not."""
    shares = []
    for source, target in zip(sources[:SAMPLE], targets[:SAMPLE], strict=True):
        own, words = set(pieces(source)), [word for word in pieces(target) if word.isalnum()]
        shares.append(sum(word in own for word in words) / max(len(words), 1))
    return bool(shares) and float(np.mean(shares)) > TAKEN_FROM


def lead_sentence(sources: Sequence[str]) -> list[str]:
    """The first sentence of each source."""
    return [_SENTENCE.split(source.strip(), maxsplit=1)[0] for source in sources]


def lead_words(sources: Sequence[str], count: int) -> list[str]:
    """The first words of each source, as many as given."""
    return [" ".join(source.split()[:count]) for source in sources]


def text_baselines(
    known: Sequence[str], targets: Sequence[str], sources: Sequence[str], *, copy: bool = True
) -> dict[str, list[str]]:
    """What texts are compared with by name: the nearest source's target; of summaries also how the source begins.

    Args:
        known, targets: of the training part. sources: [N] what was written from. copy: see whether they are summaries.
    """
    found = {"retrieval": nearest_targets(known, targets, sources)}
    if copy and taken(known, targets):
        length = int(np.median([len(target.split()) for target in targets]))
        found |= {"lead_sentence": lead_sentence(sources)}
        if length > 1:
            found[f"lead_words_{length}"] = lead_words(sources, length)
    return found


def _texts(texts: Sequence[str]) -> NDArray[Any]:
    array = np.empty(len(texts), dtype=object)
    array[:] = list(texts)
    return array
