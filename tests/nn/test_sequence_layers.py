"""Layers of networks that say something about a sequence, against torch's own and against sums done by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.nn.specs import inputs, network, run
from tidegate.artifacts.spec import Branch, Embed, Frames, Label, NetworkSpec, Normalise, Pool, Recurrent, Tag, Tokens
from tidegate.core.errors import ConfigError
from tidegate.nn.flow import Flow
from tidegate.nn.network import Network


def says(*layers: Any, **sizes: Any) -> NetworkSpec:
    return NetworkSpec(layers=layers, **{"window": 0, "horizon": 1, "past": 3, "targets": 0, "outputs": 2, **sizes})


def part(built: Network, index: int) -> dict[str, torch.Tensor]:
    """Tensors of one layer, by their names in it."""
    start = f"layers.{index}."
    return {name.removeprefix(start): value for name, value in built.state_dict().items() if name.startswith(start)}


@pytest.mark.parametrize("squeeze", [False, True])
def test_a_branch_is_convolutions_norms_and_a_mean_beside_the_recurrence(squeeze: bool) -> None:
    """LSTM-FCN put together from torch's own layers, of which one has an even kernel."""
    branch = Branch(channels=(32, 5), kernels=(8, 3), squeeze_excite=squeeze)
    spec = says(branch, Recurrent(hidden_size=4), Pool(), Label())
    built, (past, _, _) = network(spec), inputs(spec)
    own, rnn = part(built, 0), nn.LSTM(3, 4, batch_first=True)
    rnn.load_state_dict({name.removeprefix("rnn."): value for name, value in part(built, 1).items()})
    x = torch.from_numpy(past).transpose(1, 2)
    with torch.no_grad():
        for index, around in enumerate([(3, 4), (1, 1)]):
            x = nn.functional.conv1d(nn.functional.pad(x, around), own[f"convs.{index}.weight"])
            norm = nn.BatchNorm1d(x.shape[1]).eval()
            norm.load_state_dict({n: own.get(f"norms.{index}.{n}", torch.tensor(0)) for n in norm.state_dict()})
            x = norm(x).relu()
            if squeeze and index == 0:
                assert own["squeezes.0.weight"].shape == (2, 32)
                means = x.mean(dim=2)
                x = x * (own["excites.0.weight"] @ (own["squeezes.0.weight"] @ means.T).relu()).T.sigmoid()[:, :, None]
        context = torch.cat([rnn(torch.from_numpy(past))[1][0][0], x.mean(dim=2)], dim=1)
        expected = context @ part(built, 3)["final.weight"].T + part(built, 3)["final.bias"]
    torch.testing.assert_close(run(built, past).values[:, 0, 0], expected, atol=1e-5, rtol=1e-5)


def test_frames_are_looked_at_one_by_one() -> None:
    spec = says(Frames(height=6, width=5, colours=2, channels=(3, 4)), Recurrent(hidden_size=4), Tag(), past=60)
    built, (past, _, _) = network(spec), inputs(spec)
    own, rnn = part(built, 0), nn.LSTM(4, 4, batch_first=True)
    rnn.load_state_dict({name.removeprefix("rnn."): value for name, value in part(built, 1).items()})
    look = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    look = look.append(nn.Conv2d(3, 4, 3, padding=1)).append(nn.ReLU()).append(nn.MaxPool2d(2))
    look.load_state_dict(dict(zip(look.state_dict(), own.values(), strict=True)))
    with torch.no_grad():
        pictures = torch.from_numpy(past).reshape(-1, 6, 5, 2).permute(0, 3, 1, 2)
        seen = look(pictures).mean(dim=(2, 3)).reshape(3, -1, 4)
        expected = rnn(seen)[0] @ part(built, 2)["final.weight"].T + part(built, 2)["final.bias"]
    torch.testing.assert_close(run(built, past).values[:, :, 0], expected, atol=1e-5, rtol=1e-5)


def test_padding_tokens_are_zeros_that_are_never_learned() -> None:
    spec = says(Tokens(vocabulary=6, size=4), Recurrent(hidden_size=4), Pool(by="mean"), Label(), past=1)
    built = Network(spec)
    weight = built.layers[0].embedding.weight
    assert (weight[0] == 0).all()
    built(torch.tensor([[3, 0, 2], [2, 2, 5]])).values.square().sum().backward()
    assert [bool(row.any()) for row in weight.grad] == [False, False, True, True, False, True]


def test_dropped_tokens_are_read_as_unknown_in_training_alone() -> None:
    spec = says(Tokens(vocabulary=6, size=4, dropout=0.25), Recurrent(hidden_size=4), Tag(), past=1)
    built = Network(spec)
    read: list[torch.Tensor] = []
    built.layers[0].embedding.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    tokens = torch.cat([torch.full((50, 80), 4), torch.zeros(50, 80, dtype=torch.long)], dim=1)
    built(tokens)
    built.eval()(tokens)
    assert set(read[0][:, :80].unique().tolist()) == {1, 4}
    assert abs(float((read[0][:, :80] == 1).float().mean()) - 0.25) < 0.03
    assert (read[0][:, 80:] == 0).all()
    assert torch.equal(read[1], tokens)


@pytest.mark.parametrize(
    "tokens",
    [torch.tensor([[1, 6]]), torch.tensor([[-1, 2]]), torch.zeros(1, 2), torch.zeros(1, 2, 1, dtype=torch.long)],
    ids=["beyond", "negative", "fractions", "three axes"],
)
def test_what_are_no_tokens_is_refused(tokens: torch.Tensor) -> None:
    spec = says(Tokens(vocabulary=6, size=4), Recurrent(hidden_size=4), Tag(), past=1)
    with pytest.raises(ConfigError, match=r"reads tokens \[B, T\], whole numbers from 0 to 5; got"):
        Network(spec)(tokens)


@pytest.mark.parametrize("by", ["ends", "mean", "max", "last"])
def test_pooling_of_a_bidirectional_recurrence(by: str) -> None:
    spec = says(Recurrent(hidden_size=4, bidirectional=True), Pool(by=by), Label())
    built, (past, _, _) = network(spec), inputs(spec)
    rnn = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
    rnn.load_state_dict({name.removeprefix("rnn."): value for name, value in part(built, 0).items()})
    with torch.no_grad():
        sequence, (last, _) = rnn(torch.from_numpy(past))
        context = {
            "ends": torch.cat([last[0], last[1]], dim=1),
            "mean": sequence.mean(dim=1),
            "max": sequence.max(dim=1).values,
            "last": sequence[:, -1],
        }[by]
        expected = context @ part(built, 2)["final.weight"].T + part(built, 2)["final.bias"]
    torch.testing.assert_close(run(built, past).values[:, 0, 0], expected, atol=1e-6, rtol=1e-5)


def test_a_label_reads_the_static_inputs_and_a_hidden_layer() -> None:
    spec = says(Embed(size=2), Recurrent(hidden_size=4), Pool(), Label(hidden_size=3), static=2)
    built, (past, future, static) = network(spec), inputs(spec)
    embed, rnn, label = part(built, 0), nn.LSTM(5, 4, batch_first=True), part(built, 3)
    rnn.load_state_dict({name.removeprefix("rnn."): value for name, value in part(built, 1).items()})
    with torch.no_grad():
        told = torch.from_numpy(static) @ embed["linear.weight"].T + embed["linear.bias"]
        last = rnn(torch.cat([torch.from_numpy(past), told[:, None].expand(-1, 12, -1)], dim=2))[1][0][0]
        hidden = (torch.cat([last, told], dim=1) @ label["hidden.weight"].T + label["hidden.bias"]).relu()
        expected = hidden @ label["final.weight"].T + label["final.bias"]
    output = run(built, past, future, static)
    torch.testing.assert_close(output.values[:, 0, 0], expected, atol=1e-6, rtol=1e-5)
    assert (output.prepared() == output.values).all()


def test_sequences_are_normalised_each_by_its_own_steps() -> None:
    spec = says(Normalise(by="standard"), Recurrent(hidden_size=4), Pool(), Label(), targets=2)
    plain = says(Recurrent(hidden_size=4), Pool(), Label(), targets=2)
    built, (past, _, _) = network(spec), inputs(spec)
    same = Network(plain).eval()
    same.load_state_dict({f"layers.{int(n[7]) - 1}{n[8:]}": value for n, value in built.state_dict().items()})
    lengths, own = np.array([12, 5, 8]), past.copy()
    for row, length in enumerate(lengths):
        x = past[row, :length, :2]
        own[row, :length, :2] = (x - x.mean(axis=0)) / x.std(axis=0)
    past[:, :, :2] = past[:, :, :2] * 7 + 3
    with torch.no_grad():
        found, expected = (
            net(torch.from_numpy(x), lengths=torch.from_numpy(lengths)) for net, x in ((built, past), (same, own))
        )
    torch.testing.assert_close(found.values, expected.values, atol=1e-5, rtol=1e-4)


def test_a_pair_of_tokens_adds_a_vector_of_its_own_but_not_beside_padding_or_the_unknown() -> None:
    layers = (Tokens(vocabulary=9, size=2, pairs=50), Recurrent(hidden_size=3), Pool(), Label())
    spec = NetworkSpec(window=0, horizon=1, past=1, targets=0, layers=layers)
    layer = Network(spec).layers[0]
    assert not layer.pairs.weight.any()  # unseen pairs say nothing
    with torch.no_grad():
        layer.pairs.weight.copy_(torch.arange(100.0).reshape(50, 2))
    tokens = torch.tensor([[5, 7, 1, 7, 2, 0]])
    flow = Flow(torch.empty(1, 6, 0), tokens, torch.empty(1, 1, 0), torch.empty(1, 0))
    layer(flow)
    added = flow.sequence - layer.embedding(tokens)
    first, second = (layer.pairs.weight[(40503 * a + 2654435761 * b) % 50] for a, b in ((5, 7), (7, 2)))
    zero = torch.zeros(2)
    torch.testing.assert_close(added[0], torch.stack([zero, first, zero, zero, second, zero]))
