"""Self-attention and the Transformer encoder against torch's own modules, and what padding may change."""

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
from tidegate.nn.transformer import SelfAttention as SelfAttentionModule
from tidegate.nn.transformer import TransformerEncoder
from tidegate.runtime.network.transformer import multihead


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
