"""Beam search against all texts that there are, against greedy choice in torch, and against itself in other batches."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tests.nn.specs import network
from tests.nn.test_write import KINDS, LENGTHS, SOURCE, spec
from tidegate.core.errors import ConfigError
from tidegate.prepare.vocabulary import END
from tidegate.runtime.network.network import read_source
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.write import Pen, distribution
from tidegate.runtime.text import beam
from tidegate.runtime.text.beam import Beam, Hypothesis, search, unbarred


def find(options: Beam, limit: int = 4, rows: slice = slice(None), **how: Any) -> list[list[Hypothesis]]:
    one = spec(**{**KINDS[how.pop("kind", 0)], **how.pop("sizes", {})})
    weights = Loaded({name: 3 * tensor.numpy() for name, tensor in network(one).state_dict().items()})
    sequence, lengths = read_source(one, weights, SOURCE[rows], LENGTHS[rows])
    pen = Pen(one, weights, sequence, lengths)
    return search(pen, options, np.full(len(sequence), limit), **how)


def log_probabilities(one: Any, row: int, texts: list[tuple[int, ...]]) -> dict[tuple[int, ...], float]:
    """Of texts and their ends, read at once in torch with the same weights."""
    built = network(one)
    truth = torch.tensor([[END, *text, *[0] * (4 - len(text))] for text in texts])
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(3)
        source, lengths = (torch.from_numpy(np.repeat(own[row : row + 1], len(texts), 0)) for own in (SOURCE, LENGTHS))
        logs = torch.log_softmax(built(source, None, None, truth, None, lengths).values[:, :, 0], dim=2)
    return {
        text: float(sum(logs[number, place, token] for place, token in enumerate((*text, END))))
        for number, text in enumerate(texts)
    }


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_beam_as_wide_as_all_texts_finds_the_best_of_all(penalty: float) -> None:
    one, options = spec(outputs=6), Beam(beam=120, best=5, length_penalty=penalty)
    every = [text for count in range(4) for text in itertools.product((3, 4, 5), repeat=count)]
    found = find(options, 3, kind=0, sizes={"outputs": 6})
    for row in range(3):
        logs = log_probabilities(one, row, every)
        ranked = sorted(every, key=lambda text: -options.rank(logs[text], len(text) + 1))[:5]
        assert [own.tokens for own in found[row]] == ranked
        np.testing.assert_allclose([own.log_probability for own in found[row]], [logs[t] for t in ranked], atol=1e-4)


def test_a_beam_of_one_always_takes_the_likeliest() -> None:
    built = network(spec(**KINDS[0]))
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(3)
    for row, found in enumerate(find(Beam(beam=1), limit=8)):
        text = [END]
        while len(text) < 9:
            with torch.no_grad():
                truth, length = torch.tensor([text]), torch.from_numpy(LENGTHS[row : row + 1])
                scores = built(torch.from_numpy(SOURCE[row : row + 1]), None, None, truth, None, length).values[
                    0, -1, 0
                ]
            scores[:2] = -torch.inf
            text.append(int(scores.argmax()))
            if text[-1] == END:
                break
        assert list(found[0].tokens) == [token for token in text[1:] if token != END]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_what_is_found_does_not_depend_on_the_batch(kind: int) -> None:
    options = Beam(beam=3, best=3, coverage_penalty=0.2)
    copies = SOURCE - 2 if kind else None
    together = find(options, 6, kind=kind, copies=copies)
    for row in range(3):
        here = slice(row, row + 1)
        alone = find(options, 6, here, kind=kind, copies=None if copies is None else copies[here])[0]
        assert [own.tokens for own in alone] == [own.tokens for own in together[row]]
        assert [own.score for own in alone] == pytest.approx([own.score for own in together[row]], abs=1e-6)


def test_lengths_and_tokens_can_be_held_to() -> None:
    for own in find(Beam(beam=4, best=4, min_length=2, max_length=3), 3):
        assert all(2 <= len(one.tokens) <= 3 for one in own)
    barred = unbarred([4], 7)
    assert {token for own in find(Beam(beam=3, best=3), barred=barred) for one in own for token in one.tokens} <= {4}
    looked = find(Beam(beam=2))[0][0]
    assert looked.attention is not None
    assert looked.attention.shape == (len(looked.tokens) + 1, SOURCE.shape[1])
    np.testing.assert_allclose(looked.attention.sum(axis=1), 1, atol=1e-5)


def test_the_largest_of_blocks_are_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.random.default_rng(3).normal(size=(6, 1000)).astype(np.float32)
    found = np.sort(beam._largest(flat, 5), axis=1)
    np.testing.assert_array_equal(found, np.sort(np.argsort(-flat, axis=1)[:, :5], axis=1))


def test_a_copied_word_is_read_as_unknown_and_kept() -> None:
    options = Beam(beam=2)
    copies = np.full(SOURCE.shape, -1)
    copies[:, 0] = 7  # the first number beyond the vocabulary
    one = spec(**KINDS[2])
    weights = {name: tensor.numpy() for name, tensor in network(one).state_dict().items()}
    weights["layers.2.gate.bias"] = np.full(1, -50.0, np.float32)  # always copies
    sequence, lengths = read_source(one, weights, SOURCE, LENGTHS)
    pen = Pen(one, weights, sequence, lengths)
    found = search(pen, options, np.array([2, 2, 2]), copies=copies, extra=1)
    assert all(set(own[0].tokens) == {7} for own in found)
    said = distribution(Pen(one, weights, sequence, lengths).step(np.full((3, 1), END)), copies, 1)
    assert said.shape == (3, 1, 8)


@pytest.mark.parametrize("how", [{"beam": 0}, {"beam": 2, "best": 3}, {"length_penalty": -1.0}, {"width": 3}])
def test_what_cannot_be_is_refused(how: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Beam().changed(how)
