"""Answers about sequences with a planted cause: it must be found, at every length, and the check must say so."""

import numpy as np
import pytest
import torch
from sklearn.inspection import permutation_importance as sklearn_importance
from sklearn.linear_model import LogisticRegression

from tidegate.artifacts.spec import Label, NetworkSpec, Pool, Recurrent
from tidegate.core.errors import ConfigError
from tidegate.explain import Answer, explain
from tidegate.explain.gates import trace_attention, trace_gates
from tidegate.explain.gradients import integrate
from tidegate.explain.groups import Group, by_feature_and_block, steps_of
from tidegate.explain.inputs import Layout
from tidegate.explain.sequences import OneSequence, channel_importance, fitted, place_importance
from tidegate.nn.network import Network
from tidegate.runtime.network.network import run_network

CHANNELS = ("a", "b", "c")


def late_b(past: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Class 1 where channel b is high in the last quarter of the sequence; a and c do nothing."""
    out = np.zeros((len(past), 2))
    for row, length in enumerate(lengths):
        first = length - -(-length // 4)
        out[row, 1] = 3 * past[row, first:length, 1].mean()
    return out


def sequences(count: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(rng.integers(12, 40), 3)).astype(np.float32) for _ in range(count)]


def padded(parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(part) for part in parts])
    past = np.zeros((len(parts), lengths.max(), 3), np.float32)
    for row, part in enumerate(parts):
        past[row, : len(part)] = part
    return past, lengths


@pytest.mark.parametrize("length", [16, 32, 40])
def test_the_channel_and_the_stretch_are_found_at_every_length(length: int) -> None:
    rng = np.random.default_rng(length)
    values = rng.normal(size=(length, 3)).astype(np.float32)
    values[-length // 4 :, 1] += 3.0
    one = OneSequence(late_b, values, CHANNELS, sequences(8), 1)
    found = explain(one, one.groups(), permutations=8, orders=20)
    channel = found.attributions["feature"]
    assert channel.groups.all[int(np.argmax(channel.size))] == Group("b")
    np.testing.assert_allclose(channel.size[[0, 2]], 0, atol=1e-9)
    assert channel.prediction[0] == pytest.approx(late_b(values[None], np.array([length]))[0, 1])
    np.testing.assert_allclose(channel.residual, 0, atol=1e-9)
    block = found.attributions["block"]
    top = [steps_of(block.groups.all[place], length) for place in np.argsort(-block.size)[:2]]
    assert min(first for first, _ in top) >= length * 3 // 4 - -(-length // 8)
    cell = found.attributions["cell"]
    assert cell.groups.all[int(np.argmax(cell.size))].feature == "b"
    assert found.faithfulness["cell"].beaten > 0.9
    assert "by feature:" in str(found)


def test_other_sequences_are_stretched_to_the_length() -> None:
    assert fitted(np.array([10, 20, 30]), 6).tolist() == [10, 10, 20, 20, 30, 30]
    assert fitted(np.arange(8), 4).tolist() == [0, 2, 4, 6]
    one = OneSequence(late_b, np.zeros((5, 3)), CHANNELS, [np.ones((2, 3)), np.ones((9, 3))])
    assert one.background.past.shape == (2, 5, 3)
    for wrong, words in (
        ((np.zeros((0, 3)), CHANNELS, [np.ones((2, 3))]), "without a step"),
        ((np.zeros((4, 3)), CHANNELS, []), "need others"),
        ((np.zeros((4, 3)), ("a",), [np.ones((2, 3))]), "1 names for 3"),
    ):
        with pytest.raises(ConfigError, match=words):
            OneSequence(late_b, *wrong)


def test_words_get_their_own_shares() -> None:
    """A sum over words: the Shapley value of each is its weight less that of the unknown word."""
    weights = np.array([0.0, 0.5, 3.0, -2.0, 0.1])

    def answer(past: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        assert past.dtype == np.int64
        return weights[past].sum(axis=1, keepdims=True)

    one = OneSequence(answer, np.array([2, 4, 3, 4]), output=0)
    case = Answer("0", "good", {"good": 1.0}, words=("good", "film", "bad", "film"))
    found = explain(one, one.groups(), case)
    each = found.attributions["word"]
    assert [found.named(each, place) for place in range(4)] == ["good", "film", "bad", "film"]
    np.testing.assert_allclose(each.values[:, 0], [2.5, -0.4, -2.5, -0.4], atol=1e-9)


def test_shuffling_a_channel_agrees_with_scikit_learn() -> None:
    """Sequences of one step are a table."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    y = (2 * x[:, 0] - x[:, 1] + 0.3 * rng.normal(size=400) > 0).astype(int)
    model = LogisticRegression().fit(x, y)
    theirs = sklearn_importance(model, x, y, n_repeats=40, random_state=1)
    ours = channel_importance(
        lambda past, lengths: model.predict_proba(past[:, 0]),
        x[:, None],
        np.ones(400, dtype=np.int64),
        lambda outputs: float(np.mean(outputs.argmax(axis=1) != y)),
        CHANNELS,
        repeats=40,
    )
    error = np.hypot(ours.error, theirs.importances_std / np.sqrt(40))
    assert (np.abs(ours.mean - theirs.importances_mean) < 4 * error + 1e-3).all()
    assert ours.score == pytest.approx(1 - model.score(x, y))


def test_importance_by_channel_and_by_place_of_sequences_of_any_length() -> None:
    past, lengths = padded(sequences(200, seed=3))
    target = late_b(past, lengths)[:, 1:]

    def estimate(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
        return late_b(values, steps)[:, 1:]

    def missed(outputs: np.ndarray) -> float:
        return float(np.sqrt(np.mean((outputs - target) ** 2)))

    found = channel_importance(estimate, past, lengths, missed, CHANNELS)
    assert found.score == pytest.approx(0)
    assert int(np.argmax(found.mean)) == 1
    np.testing.assert_allclose(found.mean[[0, 2]], 0, atol=1e-12)
    places = place_importance(estimate, past, lengths, missed, parts=4)
    assert int(np.argmax(places.mean)) == 3
    np.testing.assert_allclose(places.mean[:2], 0, atol=1e-12)
    assert [(group.first, group.end) for group in places.groups.all] == [(0, 25), (25, 50), (50, 75), (75, 100)]
    with pytest.raises(ConfigError, match="do not fit"):
        channel_importance(estimate, past, lengths, missed, ("a",))
    with pytest.raises(ConfigError, match="2 repeats"):
        channel_importance(estimate, past, lengths, missed, CHANNELS, repeats=1)


def test_gradients_of_a_straight_line_are_its_weights() -> None:
    weights = torch.arange(12.0).reshape(4, 3)

    def number(past: torch.Tensor) -> torch.Tensor:
        return (past * weights).sum(dim=(1, 2))

    rng = np.random.default_rng(0)
    values, others = rng.normal(size=(4, 3)), rng.normal(size=(5, 4, 3))
    found = integrate(number, values, others, by_feature_and_block(Layout(4, 0, CHANNELS), 1))
    expected = weights.numpy() * (values - others.mean(axis=0))
    np.testing.assert_allclose(found.values[:, 0].reshape(4, 3), expected, rtol=1e-4, atol=1e-5)
    assert abs(found.residual[0]) < 1e-4
    assert found.groups.all[0] == Group("a", -4, -3)


def test_gates_and_attention_of_a_network_for_sequences_of_any_length() -> None:
    spec = NetworkSpec(window=0, horizon=1, past=3, targets=0, outputs=2,
                       layers=(Recurrent(hidden_size=4), Pool(by="attention"), Label()))  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Network(spec)
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}

    def answer(past: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        return np.asarray(run_network(spec, weights, past, lengths=lengths).values[:, 0, 0])

    values = np.random.default_rng(0).normal(size=(15, 3)).astype(np.float32)
    one = OneSequence(answer, values, CHANNELS, [values[::-1]], spec=spec, weights=weights)
    (gates,) = trace_gates(one)
    layer = next(part for part in network.modules() if isinstance(part, torch.nn.RNNBase))
    with torch.no_grad():
        expected = layer(torch.from_numpy(values[None]))[0].numpy()
    np.testing.assert_allclose(gates.values["h"], expected, atol=1e-5)
    assert gates.stride == 1
    (attention,) = trace_attention(one)
    assert attention.weights.shape == (1, 15)
    np.testing.assert_allclose(attention.weights.sum(), 1, rtol=1e-5)
