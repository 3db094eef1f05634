"""Whole sequences, windows that slide over them, and padded batches, held to loops that anyone can read."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.prepare.augment import SequenceAugment, vary
from tidegate.prepare.sequence.prepared import endings, gather, sliding, whole

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(LENGTHS, st.integers(1, 6), st.integers(1, 3))
def test_sliding_windows_are_those_of_a_loop(lengths: list[int], window: int, stride: int) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    spans = sliding(starts, np.arange(len(lengths)), window, stride)
    expected = set()
    for place, length in enumerate(lengths):
        ends = [*range(length, window - 1, -stride)] if length >= window else [length]
        expected |= {(starts[place] + max(0, e - window), starts[place] + e, place) for e in ends}
    found = set(zip(spans.first, spans.last + 1, spans.sequence, strict=True))
    assert found == expected
    assert len(found) == len(spans)


@settings(max_examples=50, deadline=None)
@given(LENGTHS, st.integers(1, 6))
def test_a_batch_holds_each_stretch_and_zeros_after_it(lengths: list[int], window: int) -> None:
    starts = np.concatenate([[0], np.cumsum(lengths)])
    values = np.arange(1, 2 * starts[-1] + 1, dtype=np.float32).reshape(-1, 2)
    index = np.arange(len(lengths))[::-1]
    for spans in (whole(starts, index), endings(starts, index, window)):
        batch, found = gather(values, spans, np.arange(len(index)))
        assert batch.shape == (len(index), max(spans.lengths), 2)
        for row, (first, length) in enumerate(zip(spans.first, spans.lengths, strict=True)):
            assert found[row] == length
            np.testing.assert_array_equal(batch[row, :length], values[first : first + length])
            assert not batch[row, length:].any()


def test_frames_are_shares_and_tokens_stay_whole() -> None:
    starts = np.array([0, 2, 3])
    spans = whole(starts, np.arange(2))
    frames, _ = gather(np.full((3, 4), 51, np.uint8), spans, np.arange(2))
    assert frames.dtype == np.float32
    np.testing.assert_allclose(frames[0, 0], 0.2, rtol=1e-6)
    tokens, lengths = gather(np.array([5, 6, 7], np.int32), spans, np.arange(2))
    assert tokens.tolist() == [[5, 6], [7, 0]]
    assert lengths.tolist() == [2, 1]


def test_augmentation_hides_what_it_should_and_leaves_padding() -> None:
    batch = np.ones((200, 10, 8), np.float32)
    lengths = np.full(200, 6)
    batch[:, 6:] = 0
    generator = np.random.default_rng(0)
    hidden = vary(batch, lengths, SequenceAugment(step_mask=0.5), generator)
    steps = (hidden[:, :6] == 0).all(axis=2).sum(axis=1)
    assert steps.max() == 2  # up to, but not, half of six
    assert 0.5 < steps.mean() < 1.5
    bands = (vary(batch, lengths, SequenceAugment(channel_mask=0.5), generator)[:, :6] == 0).all(axis=1).sum(axis=1)
    assert bands.max() == 3
    noisy = vary(batch, lengths, SequenceAugment(noise=0.1, scaling=0.1), generator)
    assert 0.1 < noisy[:, :6].std() < 0.2
    assert not noisy[:, 6:].any()
