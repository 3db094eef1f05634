"""Attention and the decoder against the papers' formulas in float64, and against steps done one at a time."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.specs import build, inputs, network, run
from tidegate.artifacts.spec import Decoder, Head, Normalise, Recurrent
from tidegate.core.errors import ConfigError
from tidegate.nn.attention import Attention, AttentionPooling
from tidegate.nn.network import Network
from tidegate.train.forcing import Forcing

KINDS = ["additive", "dot", "general", "concat"]


def made(kind: str, query: int = 4, width: int = 4, size: int | None = None) -> Attention:
    torch.manual_seed(1)
    return Attention(kind, query, width, size).double()  # type: ignore[arg-type]


def by_hand(layer: Attention, q: np.ndarray, x: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Context and weights of one query over one sequence, step by step."""
    w = {name: tensor.detach().numpy() for name, tensor in layer.state_dict().items()}
    scores = []
    for state in x[:length]:
        if layer.kind == "additive":
            inner = w["query.weight"] @ q + w["key.weight"] @ state + w["key.bias"]
            scores.append(w["score.weight"][0] @ np.tanh(inner))
        elif layer.kind == "dot":
            scores.append(q @ state)
        elif layer.kind == "general":
            scores.append(q @ w["key.weight"] @ state)
        else:
            scores.append(w["score.weight"][0] @ np.tanh(w["both.weight"] @ np.concatenate([q, state])))
    powers = np.exp(scores)
    weights = np.zeros(len(x))
    weights[:length] = powers / powers.sum()
    return weights @ x, weights


@pytest.mark.parametrize("kind", KINDS)
def test_attention_is_the_formula_of_its_paper(kind: str) -> None:
    width = 4 if kind == "dot" else 6
    layer = made(kind, 4, width, 3)
    rng = np.random.default_rng(0)
    q, x = rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 7, width))
    lengths = torch.tensor([7, 3])
    context, weights = layer(torch.from_numpy(q), torch.from_numpy(x), lengths)
    for b in range(2):
        for k in range(5):
            expected = by_hand(layer, q[b, k], x[b], int(lengths[b]))
            np.testing.assert_allclose(context[b, k].detach(), expected[0], rtol=1e-12)
            np.testing.assert_allclose(weights[b, k].detach(), expected[1], rtol=1e-12)


@pytest.mark.parametrize("kind", [*KINDS, "pool"])
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4), scale=st.sampled_from([0.1, 1.0, 100.0]))
@settings(max_examples=15)
def test_weights_sum_to_one_and_padded_steps_have_none(kind: str, lengths: list[int], scale: float) -> None:
    """And what stands in the padding changes nothing."""
    batch = len(lengths)
    generator = torch.Generator().manual_seed(0)
    x = scale * torch.randn(batch, 6, 4, generator=generator, dtype=torch.float64)
    q = torch.randn(batch, 3, 4, generator=generator, dtype=torch.float64)
    moved = x.clone()
    for row, length in enumerate(lengths):
        moved[row, length:] = 7.0
    ends = torch.tensor(lengths)
    if kind == "pool":
        torch.manual_seed(0)
        pool = AttentionPooling(4).double()
        found, other = pool(x, ends), pool(moved, ends)
    else:
        layer = made(kind)
        found, other = layer(q, x, ends), layer(q, moved, ends)
    weights = found[1]
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    for row, length in enumerate(lengths):
        assert (weights[row, ..., length:] == 0).all()
    torch.testing.assert_close(found, other, rtol=0, atol=0)


def test_lengths_and_sizes_that_cannot_be_are_refused() -> None:
    layer, x = made("dot"), torch.zeros(2, 3, 4, dtype=torch.float64)
    for lengths in ([0, 3], [1, 4], [1]):
        with pytest.raises(ConfigError, match="2 whole numbers from 1 to 3"):
            layer(x, x, torch.tensor(lengths))
    with pytest.raises(ConfigError, match="one size"):
        Attention("dot", 4, 6)
    with pytest.raises(ValueError, match="bidirectional"):
        build(Decoder(attention="dot"), recurrent=Recurrent(hidden_size=5, bidirectional=True))
    with pytest.raises(ValueError, match="feedback 2"):
        build(Decoder(feedback=2), outputs=2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_the_decoder_steps_as_the_papers_say(kind: str, cell: str) -> None:
    """torch's own layers one step at a time: context before the step (Bahdanau), or after it (Luong)."""
    recurrent = Recurrent(cell=cell, hidden_size=5)
    spec = build(Decoder(attention=kind, lags=(4,)), recurrent=recurrent, future=2)
    built, arrays = network(spec), inputs(spec)
    state = built.state_dict()
    layers = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[cell]
    encoder = layers(3, 5, batch_first=True)
    decoder = layers(2 + 1 + (5 if kind == "additive" else 0), 5, batch_first=True)
    encoder.load_state_dict({name: state[f"layers.0.rnn.{name}"] for name in encoder.state_dict()})
    decoder.load_state_dict({name: state[f"layers.2.rnn.{name}"] for name in decoder.state_dict()})
    look_up = Attention(kind, 5, 5)  # type: ignore[arg-type]
    look_up.load_state_dict({name: state[f"layers.2.attention.{name}"] for name in look_up.state_dict()})
    past, future, _ = map(torch.from_numpy, arrays)
    expected, shares = [], []
    with torch.no_grad():
        sequence, hidden = encoder(past)
        for step in range(4):
            x = torch.cat([future[:, step], past[:, 8 + step, :1]], dim=1)[:, None]
            if kind == "additive":
                query = hidden[0][0] if cell == "lstm" else hidden[0]
                context, share = look_up(query[:, None], sequence)
                x = torch.cat([x, context], dim=2)
            out, hidden = decoder(x, hidden)
            if kind != "additive":
                context, share = look_up(out, sequence)
                out = torch.tanh(torch.cat([context, out], dim=2) @ state["layers.2.combine.weight"].T)
            shares.append(share[:, 0])
            expected.append(out[:, 0] @ state["layers.2.output.weight"].T + state["layers.2.output.bias"])
    output = run(built, *arrays)
    torch.testing.assert_close(output.values[..., 0], torch.stack(expected, dim=1), atol=1e-6, rtol=0)
    torch.testing.assert_close(output.decoder_attention, torch.stack(shares, dim=1))


@pytest.mark.parametrize("options", [{}, {"anchor": 4}, {"outputs": 2}, {"segment": 2}], ids=str)
def test_feedback_reads_the_forecast_of_the_step_before(options: dict[str, Any]) -> None:
    """A network shown its own forecasts as truth forecasts the same; shown others, it does not."""
    spec = build(
        Decoder(feedback=options.get("outputs", 1) - 1, segment=options.get("segment", 1)),
        Normalise(by="standard"),
        **{name: value for name, value in options.items() if name != "segment"},
    )
    built, arrays = network(spec), inputs(spec)
    own = run(built, *arrays)
    past = tuple(map(torch.from_numpy, arrays))
    everywhere = torch.ones(3, 4, 1, dtype=torch.bool)
    with torch.no_grad():
        told = built(*past, own.prepared()[..., -1], everywhere)
        other = built(*past, own.prepared()[..., -1] + 1, everywhere)
        never = built(*past, own.prepared()[..., -1] + 1, ~everywhere)
    torch.testing.assert_close(told.values, own.values, atol=1e-6, rtol=1e-5)
    first = options.get("segment", 1)
    torch.testing.assert_close(other.values[:, :first], own.values[:, :first])
    assert (other.values[:, first:] - own.values[:, first:]).abs().min() > 1e-5
    assert torch.equal(never.values, own.values)


def test_the_first_step_reads_the_last_known_target() -> None:
    spec = build(Decoder(feedback=0), horizon=1)
    built, (past, future, static) = network(spec), inputs(spec)
    state = built.state_dict()
    encoder, decoder = torch.nn.LSTM(3, 5, batch_first=True), torch.nn.LSTM(1, 5, batch_first=True)
    encoder.load_state_dict({name: state[f"layers.0.rnn.{name}"] for name in encoder.state_dict()})
    decoder.load_state_dict({name: state[f"layers.2.rnn.{name}"] for name in decoder.state_dict()})
    with torch.no_grad():
        x = torch.from_numpy(past)
        hidden = decoder(x[:, -1:, :1], encoder(x)[1])[0]
        expected = hidden @ state["layers.2.output.weight"].T + state["layers.2.output.bias"]
    torch.testing.assert_close(run(built, past, future, static).values[..., 0], expected, atol=1e-6, rtol=0)


def test_independent_channels_are_forced_each_with_its_own_truth() -> None:
    spec = build(Decoder(feedback=0), targets=2, past=3, channels="independent")
    built, arrays = network(spec), inputs(spec)
    past = tuple(map(torch.from_numpy, arrays))
    truth = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    forced = torch.ones(3, 4, 2, dtype=torch.bool)
    moved = truth.clone()
    moved[:, :, 1] += 1
    with torch.no_grad():
        before, after = built(*past, truth, forced).values, built(*past, moved, forced).values
    assert torch.equal(before[:, :, 0], after[:, :, 0])
    assert (before[:, 1:, 1] != after[:, 1:, 1]).all()


def test_forcing_falls_as_its_schedule_says() -> None:
    assert [Forcing(0.8, "constant", 100).share(i) for i in (0, 50, 100)] == [0.8] * 3
    assert [Forcing(0.8, "linear", 100).share(i) for i in (0, 50, 100, 150)] == pytest.approx([0.8, 0.4, 0.0, 0.0])
    for steps in (20, 100, 3000, 10**6):
        forcing = Forcing(0.8, "inverse_sigmoid", steps)
        assert forcing.share(steps // 2) == pytest.approx(0.4)
        shares = [forcing.share(i) for i in range(0, steps + 1, steps // 10)]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] + shares[-1] == pytest.approx(0.8)  # k / (k + 1) at the start, 1 / (k + 1) at the end
        assert shares[0] > 0.6
        assert forcing.share(100 * steps) == pytest.approx(0.0, abs=1e-9)


def test_coins_are_tossed_for_each_window_and_step_and_are_the_same_again() -> None:
    forcing = Forcing(0.3, "constant", 10)
    coins = forcing.draw(4, (2000, 6), seed=1)
    assert coins.mean() == pytest.approx(0.3, abs=0.02)
    assert not (coins == coins[:, :1]).all()
    assert np.array_equal(coins, forcing.draw(4, (2000, 6), seed=1))
    assert not np.array_equal(coins, forcing.draw(5, (2000, 6), seed=1))
    assert not Forcing(0.0, "constant", 10).draw(0, (50, 6), seed=0).any()
    assert Forcing(1.0, "constant", 10).draw(0, (50, 6), seed=0).all()


def test_training_reaches_every_weight_of_the_attention() -> None:
    for kind in KINDS:
        built = Network(build(Decoder(attention=kind, feedback=0))).train()  # type: ignore[arg-type]
        arrays = map(torch.from_numpy, inputs(built.spec))
        built(*arrays).values.square().sum().backward()
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in built.parameters()), kind


def test_default_networks_are_as_they_were() -> None:
    """The same seed gives the weights that a plain stack of torch layers is given in the same order."""
    spec = build(Head(hidden_size=6), pool="attention")
    torch.manual_seed(3)
    built = Network(spec)
    torch.manual_seed(3)
    expected = [torch.nn.LSTM(3, 5, batch_first=True), torch.nn.Linear(5, 1), torch.nn.Linear(5, 24)]
    expected += [torch.nn.Linear(6, 6), torch.nn.Linear(6, 1)]
    for mine, theirs in zip(built.parameters(), (p for layer in expected for p in layer.parameters()), strict=True):
        assert torch.equal(mine, theirs)
