"""Many tokens in one native call: scores against torch step by step, choices against numpy."""

import numpy as np
import pytest
import torch

from tidegate.kernels.write import Nearest, Write, can_find, can_write, largest

pytestmark = pytest.mark.skipif(not can_write(), reason="the library or the processor cannot write")


def made(
    size: int, vector: int, hidden: int, layers: int
) -> tuple[torch.nn.Module, torch.nn.LSTM, torch.nn.Linear, Write]:
    torch.manual_seed(size + hidden)
    embedding, rnn = torch.nn.Embedding(size, vector), torch.nn.LSTM(vector, hidden, layers, batch_first=True)
    final = torch.nn.Linear(hidden, size)
    weights = {name: own.detach().numpy() for name, own in rnn.named_parameters()}
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    own = [[weights[f"{name}_l{level}"] for name in names] for level in range(layers)]
    matrix = np.ascontiguousarray(final.weight.detach().numpy().T)
    return embedding, rnn, final, Write(own, embedding.weight.detach().numpy(), matrix, final.bias.detach().numpy())


@pytest.mark.parametrize(
    ("size", "vector", "hidden", "layers"), [(7, 5, 3, 1), (68, 32, 64, 2), (33, 8, 21, 3), (32, 4, 8, 1)]
)
def test_scores_and_states_are_torch_s(size: int, vector: int, hidden: int, layers: int) -> None:
    embedding, rnn, final, write = made(size, vector, hidden, layers)
    tokens = np.random.default_rng(0).integers(0, size, 40)
    with torch.no_grad():
        states, (h, c) = rnn(embedding(torch.from_numpy(tokens)[None]))
        expected = final(states)[0].numpy()
    none = np.zeros(size, np.float32)
    count, rows = write(none, tokens.copy(), none, 1.0, None, -1)
    assert count == 40
    np.testing.assert_allclose(rows[1:], expected, atol=2e-5)
    np.testing.assert_allclose(write.h[:, :hidden], h[:, 0].numpy(), atol=2e-5)
    np.testing.assert_allclose(write.c[:, :hidden], c[:, 0].numpy(), atol=2e-5)
    assert not write.h[:, hidden:].any()


def test_tokens_are_the_largest_of_score_and_noise_and_end_at_the_stop() -> None:
    _, _, _, write = made(20, 8, 16, 2)
    rng = np.random.default_rng(1)
    noise, add = rng.gumbel(size=(30, 20)).astype(np.float32), np.zeros(20, np.float32)
    add[[0, 1]] = -1e30
    tokens, first = np.full(30, -1, np.int64), rng.normal(size=20).astype(np.float32)
    count, rows = write(first, tokens, add, 1.5, noise, -1)
    assert count == 30
    np.testing.assert_array_equal(rows[0], first)
    np.testing.assert_array_equal(tokens, ((rows[:30] + add) * np.float32(1.5) + noise).argmax(axis=1))
    assert tokens.min() > 1
    write.h[...], write.c[...] = 0, 0
    again = np.full(30, -1, np.int64)
    stopped, _ = write(first, again, add, 1.5, noise, int(tokens[9]))
    assert stopped == tokens.tolist().index(tokens[9]) + 1
    np.testing.assert_array_equal(again[:stopped], tokens[:stopped])


@pytest.mark.parametrize(("size", "count"), [(5, 3), (64, 1), (200, 10), (1000, 64), (70, 64)])
def test_the_largest_of_each_row_and_its_log_sum(size: int, count: int) -> None:
    rng = np.random.default_rng(size)
    scores, add = np.round(3 * rng.normal(size=(6, size)), 1).astype(np.float32), np.zeros(size, np.float32)
    add[rng.choice(size, size // 5, replace=False)] = -np.inf
    values, places, sums = largest(scores, add, count)
    order = np.argsort(-(scores + add), axis=1, kind="stable")[:, :count]  # of equal ones the first
    expected = np.take_along_axis(scores + add, order, axis=1)
    np.testing.assert_array_equal(values, expected)
    real = np.isfinite(expected)
    np.testing.assert_array_equal(places[real], order[real])
    assert not places[~real].any()
    np.testing.assert_allclose(sums, torch.logsumexp(torch.from_numpy(scores), dim=1).numpy(), atol=1e-5)


@pytest.mark.skipif(not can_find(), reason="the library was built before it could")
@pytest.mark.parametrize(
    ("size", "inputs", "rows", "spread"), [(7_000, 256, 20, 0.3), (1_003, 37, 13, 1.0), (9, 2, 5, 3.0)]
)
def test_the_nearest_are_those_of_all_products_and_no_row_depends_on_the_others(
    size: int, inputs: int, rows: int, spread: float
) -> None:
    rng = np.random.default_rng(size)
    matrix = rng.normal(size=(size, inputs)).astype(np.float32) * np.float32(spread)
    matrix[3] = 0
    bias, x = rng.normal(size=size).astype(np.float32), np.tanh(rng.normal(size=(rows, inputs))).astype(np.float32)
    x[1], x[2, 1:] = 0, 0  # a row of nothing, and one of a single number
    add = np.zeros(size, np.float32)
    add[[0, 2]] = -np.inf
    find, exact = Nearest(matrix, bias), x.astype(np.float64) @ matrix.T.astype(np.float64) + bias
    values, places, sums = find(x, add, 10)
    allowed = np.where(np.isfinite(add), exact, -np.inf)
    order = np.argsort(-allowed, axis=1, kind="stable")[:, :10]
    order[:, size - 2 :] = 0
    np.testing.assert_array_equal(places, np.pad(order, ((0, 0), (0, 10 - order.shape[1]))))
    kept = min(10, size - 2)
    np.testing.assert_allclose(values[:, :kept], np.take_along_axis(exact, order, axis=1)[:, :kept], atol=2e-5)
    assert np.isneginf(values[:, kept:]).all()
    np.testing.assert_allclose(sums, np.logaddexp.reduce(exact, axis=1), atol=1e-4)
    for row in range(rows):
        for whole, one in zip((values, places, sums), find(x[row : row + 1], add, 10), strict=True):
            np.testing.assert_array_equal(whole[row : row + 1], one)
