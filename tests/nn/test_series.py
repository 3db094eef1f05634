"""Networks that decode rows of numbers: against a decoder of torch's own layers, as the guide's 6.3 has it."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.nn.specs import network
from tidegate.artifacts.spec import Label, NetworkSpec, Pool, Recurrent, Series
from tidegate.core.errors import ArtifactError

PAST = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 6, 2)).astype(np.float32))
TRUTH = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 8)).astype(np.float32))


def spec(**sizes: int) -> NetworkSpec:
    layers = (Recurrent(hidden_size=5, num_layers=2), Series(steps=4, hidden_size=6, num_layers=2))
    return NetworkSpec(window=0, horizon=1, past=2, targets=0, layers=layers, **{"outputs": 8, **sizes})


def torchs(forced: torch.Tensor) -> torch.Tensor:
    """The same by torch's LSTM: what the encoder ends with starts the decoder, which reads row by row."""
    own = network(spec()).state_dict()
    encoder, decoder = nn.LSTM(2, 5, 2, batch_first=True), nn.LSTM(2, 6, 2, batch_first=True)
    for layer, rnn in enumerate((encoder, decoder)):
        head = f"layers.{layer}.rnn."
        rnn.load_state_dict({name.removeprefix(head): value for name, value in own.items() if name.startswith(head)})
    at = {name.removeprefix("layers.1."): value for name, value in own.items()}
    with torch.no_grad():
        numbers = nn.functional.linear(encoder(PAST)[0][:, -1], at["start.weight"], at["start.bias"])
        h, c = numbers.view(3, 2, 2, 6).permute(1, 2, 0, 3)
        state, row, rows = (torch.tanh(h).contiguous(), c.contiguous()), torch.zeros(3, 2), []
        for step in range(4):
            hidden, state = decoder(row[:, None], state)
            rows.append(nn.functional.linear(hidden[:, 0], at["output.weight"], at["output.bias"]))
            row = torch.where(forced[:, step, None], TRUTH.view(3, 4, 2)[:, step], rows[-1])
    return torch.cat(rows, dim=1)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_it_is_torchs_lstm_row_by_row_with_the_truth_where_it_is_forced(share: float) -> None:
    forced = torch.from_numpy(np.random.default_rng(2).random((3, 4)) < share)
    with torch.no_grad():
        found = network(spec())(PAST, truth=TRUTH, forced=forced).values
    assert found.shape == (3, 1, 1, 8)
    torch.testing.assert_close(found[:, 0, 0], torchs(forced), atol=1e-5, rtol=1e-5)


def test_a_spec_that_cannot_be_is_refused() -> None:
    with pytest.raises(ArtifactError, match="7 outputs are rows for 4 steps"):
        NetworkSpec.from_json(spec().model_dump() | {"outputs": 7})
    layers = [Recurrent(hidden_size=5), Pool(), Series(steps=4)]
    with pytest.raises(ArtifactError, match="none where they end in one of"):
        NetworkSpec.from_json(spec().model_dump() | {"layers": [layer.model_dump() for layer in layers]})
    layers = [Recurrent(hidden_size=5), Label()]
    with pytest.raises(ArtifactError, match="must have a pool"):
        NetworkSpec.from_json(spec().model_dump() | {"layers": [layer.model_dump() for layer in layers]})
