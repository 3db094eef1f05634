"""Attention and the decoder against the papers' formulas in float64, and against steps done one at a time."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.specs import build, inputs, network, run
from tests.runtime.test_equals_torch import same
from tidegate.artifacts.inputs import sinusoids
from tidegate.artifacts.spec import Decoder, Head, Normalise, Recurrent, SelfAttention, Transformer
from tidegate.core.errors import ConfigError
from tidegate.nn.attention import Attention, AttentionPooling, TransformerEncoder
from tidegate.nn.attention import SelfAttention as SelfAttentionModule
from tidegate.nn.network import Network
from tidegate.runtime.network.attention import multihead
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


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_numpy_heads_are_those_of_torch(heads: int) -> None:
    torch.manual_seed(0)
    reference = torch.nn.MultiheadAttention(8, heads, batch_first=True).eval()
    torch.nn.init.normal_(reference.in_proj_bias)
    x = torch.randn(3, 6, 8)
    weights = {f"a.{name}": tensor.numpy() for name, tensor in reference.state_dict().items()}
    found, shares = multihead(weights, "a", x.numpy(), heads)
    with torch.no_grad():
        expected = reference(x, x, x, average_attn_weights=False)
    np.testing.assert_allclose(found, expected[0], atol=1e-6)
    np.testing.assert_allclose(shares, expected[1], atol=1e-6)


def test_self_attention_follows_the_recurrence() -> None:
    """torch's LSTM, MultiheadAttention and LayerNorm with the network's weights."""
    spec = build(Head(hidden_size=6), SelfAttention(num_heads=2), recurrent=Recurrent(hidden_size=6))
    built, arrays = network(spec), inputs(spec)
    state = built.state_dict()

    def own(module: torch.nn.Module, prefix: str) -> torch.nn.Module:
        module.load_state_dict({name: state[prefix + name] for name in module.state_dict()})
        return module.eval()

    rnn = own(torch.nn.LSTM(3, 6, batch_first=True), "layers.0.rnn.")
    heads = own(torch.nn.MultiheadAttention(6, 2, batch_first=True), "layers.1.block.attention.")
    norm = own(torch.nn.LayerNorm(6), "layers.1.block.norm.")
    with torch.no_grad():
        sequence = rnn(torch.from_numpy(arrays[0]))[0]
        found, shares = heads(sequence, sequence, sequence, average_attn_weights=False)
        context = norm(sequence + found)[:, -1]
        parts = (context @ state["layers.3.context.weight"].T + state["layers.3.context.bias"]).reshape(3, 4, 6)
        hidden = (parts @ state["layers.3.output.weight"].T + state["layers.3.output.bias"]).relu()
        expected = hidden @ state["layers.3.final.weight"].T + state["layers.3.final.bias"]
    output = run(built, *arrays)
    torch.testing.assert_close(output.values[..., 0], expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(output.self_attention, shares)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
@pytest.mark.parametrize("last", [Head(hidden_size=6), Decoder(lags=(4,), attention="dot")], ids=["head", "decoder"])
def test_a_transformer_network_runs_alike_in_numpy(positions: str, last: Head | Decoder) -> None:
    encoder = Transformer(hidden_size=16, num_layers=2, num_heads=4, feedforward=32, positions=positions)  # type: ignore[arg-type]
    same(build(last, Normalise(by="standard"), recurrent=encoder, window=48, future=2))


def test_the_encoder_is_torchs_transformer_encoder() -> None:
    torch.manual_seed(0)
    encoder = TransformerEncoder(3, 8, num_layers=2, num_heads=2, feedforward=12).eval()
    layer = torch.nn.TransformerEncoderLayer(8, 2, 12, 0.0, batch_first=True, norm_first=True)
    reference = torch.nn.TransformerEncoder(layer, 2, torch.nn.LayerNorm(8), enable_nested_tensor=False).eval()
    own = {name.replace("blocks.", "layers."): tensor for name, tensor in encoder.state_dict().items()}
    reference.load_state_dict({name: tensor for name, tensor in own.items() if not name.startswith("linear.")})
    x = torch.randn(4, 9, 3)
    pad = torch.arange(9) >= torch.tensor([9, 5, 1, 7])[:, None]
    with torch.no_grad():
        start = encoder.linear(x) + torch.from_numpy(sinusoids(9, 8))
        torch.testing.assert_close(encoder(x), reference(start))
        found = encoder(x, torch.tensor([9, 5, 1, 7]))
        expected = reference(start, src_key_padding_mask=pad)
    torch.testing.assert_close(found[~pad], expected[~pad])


def test_a_decoder_after_a_transformer_starts_from_its_last_step() -> None:
    encoder = Transformer(cell="gru", hidden_size=4, num_heads=2, feedforward=5)
    spec = build(Decoder(), recurrent=encoder, horizon=1)
    built, arrays = network(spec), inputs(spec)
    state = built.state_dict()
    decoder = torch.nn.GRU(1, 4, batch_first=True)
    decoder.load_state_dict({name: state[f"layers.2.rnn.{name}"] for name in decoder.state_dict()})
    with torch.no_grad():
        last = built.layers[0].encoder(torch.from_numpy(arrays[0]))[:, -1]  # type: ignore[operator, union-attr]
        hidden = decoder(torch.zeros(3, 1, 1), last[None])[0]
        expected = hidden @ state["layers.2.output.weight"].T + state["layers.2.output.bias"]
    torch.testing.assert_close(run(built, *arrays).values[..., 0], expected, atol=1e-6, rtol=0)


@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
@settings(max_examples=15)
def test_what_stands_in_the_padding_changes_nothing(lengths: list[int]) -> None:
    torch.manual_seed(0)
    attention, encoder = SelfAttentionModule(4, 2).eval(), TransformerEncoder(4, 4, 1, 2).eval()
    x, ends = torch.randn(len(lengths), 6, 4), torch.tensor(lengths)
    kept = torch.arange(6) < ends[:, None]
    moved = torch.where(kept[:, :, None], x, 9.0)
    with torch.no_grad():
        (found, weights), (other, _) = attention(x, ends), attention(moved, ends)
        torch.testing.assert_close(found[kept], other[kept])
        torch.testing.assert_close(encoder(x, ends)[kept], encoder(moved, ends)[kept])
    torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights.sum(-1)))
    for row, length in enumerate(lengths):
        assert (weights[row, :, :, length:] == 0).all()


def test_positions_are_those_of_the_paper() -> None:
    found = sinusoids(50, 6)
    for step in (0, 1, 49):
        for pair in range(3):
            angle = step / 10000 ** (2 * pair / 6)
            assert found[step, 2 * pair] == pytest.approx(np.sin(angle), abs=1e-6)
            assert found[step, 2 * pair + 1] == pytest.approx(np.cos(angle), abs=1e-6)
    assert sinusoids(4, 5).shape == (4, 5)


def test_order_matters_to_a_transformer() -> None:
    torch.manual_seed(0)
    encoder, x = TransformerEncoder(3, 8, 1, 2).eval(), torch.randn(1, 6, 3)
    with torch.no_grad():
        assert not torch.allclose(encoder(x.flip(1)), encoder(x).flip(1), atol=1e-3)


def test_heads_and_positions_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="4 heads do not divide a width of 6"):
        SelfAttentionModule(6, 4)
    with pytest.raises(ConfigError, match="need steps"):
        TransformerEncoder(3, 8, positions="learned")
