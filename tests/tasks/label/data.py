"""Small sequences whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tidegate.core.sequences import Sequences

WORDS = ("the", "a", "film", "plot", "cast", "was", "is", "very")
GOOD, BAD = ("great", "lovely"), ("dull", "awful")


def waves(count: int = 60, *, seed: int = 0, classes: int = 2, least: int = 12, most: int = 24) -> Sequences:
    """Noisy waves of one channel beside noise in another, of varying lengths; the class is the wave's frequency."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(least, most + 1, count)
    kinds = np.arange(count) % classes
    parts = []
    for kind, length in zip(kinds, lengths, strict=True):
        steps = np.arange(length)
        wave = np.sin((0.4 + 0.9 * kind) * steps + generator.uniform(0, 6)) + 0.1 * generator.standard_normal(length)
        parts.append(np.stack([wave, generator.standard_normal(length)], axis=1))
    names = np.array(["slow", "fast", "faster"], dtype=object)
    return make(parts, names[kinds])


def means(count: int = 80, *, seed: int = 0) -> Sequences:
    """Noise around a level; the level, times ten and plus a hundred, is what is to be estimated."""
    generator = np.random.default_rng(seed)
    levels = generator.uniform(-2, 2, count)
    parts = [level + 0.2 * generator.standard_normal((generator.integers(6, 12), 1)) for level in levels]
    return make(parts, 100 + 10 * levels, names=("level",))


def steps(count: int = 40, *, seed: int = 0) -> Sequences:
    """Random steps; each is labelled by whether the running sum is above zero: only a memory can tell."""
    generator = np.random.default_rng(seed)
    parts = [generator.choice([-1.0, 1.0], (generator.integers(8, 16), 1)) for _ in range(count)]
    labels = np.concatenate([np.where(np.cumsum(part[:, 0]) > 0, "up", "down") for part in parts]).astype(object)
    return make(parts, labels, per_step=True)


def engines(count: int = 24, *, seed: int = 0) -> Sequences:
    """Series that climb until they fail; each step is labelled with the steps that are left, up to 12."""
    generator = np.random.default_rng(seed)
    parts, labels = [], []
    for _ in range(count):
        length = int(generator.integers(18, 36))
        left = np.arange(length)[::-1]
        worn = np.exp(-left / 6.0)[:, None] + 0.03 * generator.standard_normal((length, 1))
        parts.append(worn)
        labels.append(np.minimum(left, 12).astype(float))
    return make(parts, np.concatenate(labels), names=("left",), per_step=True)


def reviews(count: int = 120, *, seed: int = 0) -> Sequences:
    """Sentences of common words with one that says it all."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for place in range(count):
        words = generator.choice(WORDS, generator.integers(4, 9)).tolist()
        words.insert(int(generator.integers(len(words))), str(generator.choice(GOOD if place % 2 else BAD)))
        texts.append(" ".join(words))
        labels.append("good" if place % 2 else "bad")
    return Sequences(
        tuple(str(place) for place in range(count)),
        np.zeros(count + 1, dtype=np.int64),
        np.empty((0, 0), dtype=np.float32),
        (),
        texts=np.array(texts, dtype=object),
        labels=np.array(labels, dtype=object),
        label_names=("sentiment",),
    )


def make(
    parts: list[np.ndarray], labels: np.ndarray, *, names: tuple[str, ...] = ("kind",), per_step: bool = False
) -> Sequences:
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    values = np.concatenate(parts).astype(np.float32)
    return Sequences(
        tuple(str(place) for place in range(len(parts))),
        starts,
        values,
        tuple(f"c{channel}" for channel in range(values.shape[1])),
        labels=labels,
        label_names=names,
        per_step=per_step,
    )


def make_again(sequences: Sequences, labels: np.ndarray) -> Sequences:
    """The same sequences with other labels."""
    return replace(sequences, labels=labels)


def reviews_that_count(count: int = 120, *, seed: int = 0) -> Sequences:
    """Sentences whose number is what eight words weigh together."""
    generator = np.random.default_rng(seed)
    whole = reviews(count, seed=seed)
    worth = dict(zip(WORDS, generator.normal(size=len(WORDS)), strict=True))
    texts = [" ".join(generator.choice(WORDS, generator.integers(4, 9))) for _ in range(count)]
    labels = np.array([sum(worth[word] for word in text.split()) for text in texts])
    return replace(whole, texts=np.array(texts, dtype=object), labels=labels, label_names=("worth",))
