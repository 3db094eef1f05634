"""Networks that say what token comes next: against torch's own layers, in parts with the state carried, and dropped."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.nn.specs import network
from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import Dropout, NetworkSpec, Next, Recurrent, Tokens
from tidegate.core.errors import ArtifactError
from tidegate.nn.draws import drawing
from tidegate.nn.network import Network
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.steps import Steps

TOKENS = np.random.default_rng(0).integers(2, 9, (3, 12))


def spec(size: int = 5, tied: bool = True, cell: Any = "lstm", **more: Any) -> NetworkSpec:
    recurrent = Recurrent(cell=cell, hidden_size=5, num_layers=2, **more)
    layers = (Tokens(vocabulary=9, size=size), recurrent, Dropout(rate=0.2, variational=True), Next(tied=tied))
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=9, layers=layers)


@pytest.mark.parametrize(("size", "tied"), [(5, True), (3, True), (4, False)])
def test_what_comes_next_is_torchs_lstm_and_a_product_with_the_vectors(size: int, tied: bool) -> None:
    built = network(spec(size, tied))
    own = built.state_dict()
    assert {name: tuple(value.shape) for name, value in own.items()} == tensor_shapes(spec(size, tied))
    rnn = nn.LSTM(size, 5, 2, batch_first=True)
    rnn.load_state_dict({n.removeprefix("layers.1.rnn."): v for n, v in own.items() if ".rnn." in n})
    with torch.no_grad():
        x, _ = rnn(own["layers.0.embedding.weight"][torch.from_numpy(TOKENS)])
        if not tied:
            expected = x @ own["layers.3.final.weight"].T + own["layers.3.final.bias"]
        else:
            x = x if size == 5 else x @ own["layers.3.map.weight"].T
            expected = x @ own["layers.0.embedding.weight"].T + own["layers.3.bias"]
        found = built(torch.from_numpy(TOKENS)).values[:, :, 0]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cell", ["lstm", "gru", "coupled"])
def test_two_parts_with_the_state_carried_are_the_whole_in_torch_numpy_and_steps(cell: str) -> None:
    one = spec(3, cell=cell)
    built = network(one)
    weights = {name: tensor.numpy() for name, tensor in built.state_dict().items()}
    tokens = torch.from_numpy(TOKENS)
    with torch.no_grad():
        whole, first = built(tokens).values.numpy(), built(tokens[:, :7], state=())
        assert built(tokens).state is None
        second = built(tokens[:, 7:], state=first.state)
    np.testing.assert_allclose(torch.cat([first.values, second.values], dim=1), whole, atol=1e-5)
    for own in (weights, Loaded(weights)):
        ours = run_network(one, own, TOKENS[:, :7], state=[])
        rest = run_network(one, own, TOKENS[:, 7:], state=ours.state)
        np.testing.assert_allclose(np.concatenate([ours.values, rest.values], axis=1), whole, atol=1e-5)
        assert rest.state is not None
        assert second.state is not None
        np.testing.assert_allclose(rest.state[1][0], second.state[0][1], atol=1e-5)
    steps = Steps(one, weights, 3)
    np.testing.assert_allclose(np.stack([steps.step(row) for row in TOKENS.T], axis=1), whole[:, :, 0], atol=1e-5)


def test_dropout_of_vectors_rows_and_weights_acts_in_training_alone() -> None:
    """Ones through an LSTM without gates' weights: what is silenced can be read off."""
    layers = (
        Tokens(vocabulary=9, size=6, row_dropout=0.4, variational=0.5),
        Recurrent(hidden_size=5, weight_dropout=0.5),
        Next(tied=False),
    )
    own = NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=9, layers=layers)
    built, generator = network(own), torch.Generator().manual_seed(0)
    tokens = torch.from_numpy(TOKENS)
    with torch.no_grad(), drawing(generator):
        calm = built(tokens).values
        built.train()
        built.layers[0].embedding.weight.fill_(1.0)  # type: ignore[union-attr, operator]
        seen: list[torch.Tensor] = []
        built.layers[1].register_forward_pre_hook(lambda _, args: seen.append(args[0].sequence.clone()))
        assert not torch.equal(built(tokens).values, built(tokens).values)
    vectors = seen[0]
    silent = (vectors == 0).all(dim=2)  # a token is read everywhere or nowhere
    for token in range(2, 9):
        assert silent[tokens == token].unique().numel() == 1
    shown = vectors[~silent]
    assert 0 < silent.float().mean() < 1
    assert set(np.round(shown.unique().tolist(), 4)) == {0.0, round(1 / (0.6 * 0.5), 4)}
    for row, quiet in zip(vectors, silent, strict=True):  # and a unit is silent at all steps of a row
        assert (row[~quiet] == row[~quiet][:1]).all()
    built.eval()
    built.load_state_dict(network(own).state_dict())
    with torch.no_grad():
        torch.testing.assert_close(built(tokens).values, calm)


def test_weights_of_the_recurrence_are_silenced_one_by_one() -> None:
    built = Network(spec(weight_dropout=0.5))
    rnn: Any = built.layers[1]
    names = rnn.rnn._flat_weights_names
    built.train()
    found = dict(zip(names, rnn.rnn._weights(), strict=True))
    gone = (found["weight_hh_l0"] == 0).float().mean()
    assert 0.2 < gone < 0.8
    kept = found["weight_hh_l0"] != 0
    torch.testing.assert_close(found["weight_hh_l0"][kept], 2 * rnn.rnn.weight_hh_l0[kept])
    assert found["weight_ih_l0"] is rnn.rnn.weight_ih_l0


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": 8},
        {"layers": (Tokens(vocabulary=9, size=5), Recurrent(hidden_size=5, bidirectional=True), Next())},
        {"layers": (Recurrent(hidden_size=5), Next())},
        {"members": 2},
    ],
)
def test_a_network_that_cannot_say_what_comes_next_is_refused(change: dict[str, Any]) -> None:
    state = spec().model_dump(mode="json") | {
        name: [layer.model_dump(mode="json") for layer in value] if name == "layers" else value
        for name, value in change.items()
    }
    with pytest.raises(ArtifactError, match="next"):
        NetworkSpec.from_json(state)
