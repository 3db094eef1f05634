"""The numpy network beside the torch network that was trained, and the quantiles it gives on fresh series."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pretrain import generate

from tidegate.core.errors import ArtifactError
from tidegate.pretrained import folder
from tidegate.runtime.pretrained.candidates import candidates
from tidegate.runtime.pretrained.filters import PATCH, filters
from tidegate.runtime.pretrained.forecast import forecast
from tidegate.runtime.pretrained.inputs import decoder_inputs, patches
from tidegate.runtime.pretrained.network import LEVELS, load_network, read_card
from tidegate.tasks.forecast.small.fine_tune import PretrainedNetwork


def test_numpy_gives_what_torch_gives() -> None:
    network = load_network()
    twin = PretrainedNetwork(network.layer.hidden_size)
    twin.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in network.weights.items()})
    rng = np.random.default_rng(0)
    y = rng.normal(size=(6, 96)).cumsum(1) + 3 * np.sin(np.arange(96) * 2 * np.pi / 12)
    batch = filters(y, np.tile([12, 1], (6, 1)))
    rows, origin = np.arange(6), np.full(6, 96)
    x = patches(batch, 12).astype(np.float32)
    c, missed = candidates(batch, rows, origin, 24)
    z, part, unit = decoder_inputs(batch, rows, origin, c, missed, np.tile(np.arange(3), (6, 1)))
    mixed = ((part - y[:, -1, None, None, None]) / unit[:, None, None, None]).astype(np.float32)
    with torch.no_grad():
        h = twin.encode(torch.from_numpy(x))[:, -1]
        _, q = twin.decode(h, torch.from_numpy(z.astype(np.float32)), torch.from_numpy(mixed))
    ours = network.decode(network.encode(x), z.astype(np.float32), mixed)
    np.testing.assert_allclose(ours, np.sort(q.numpy(), -1), atol=1e-4, rtol=1e-4)
    assert ours.shape == (6, 3, PATCH, len(LEVELS))


def test_the_quantiles_hold_on_fresh_synthetic_series() -> None:
    """Of values that came, 10 to 90 % lie below the nine quantiles: within 6 points, over 600 series."""
    made = [generate.make(900_000 + seed, 200, 192 + 24).y for seed in range(3)]
    y = np.concatenate(made)
    found = forecast(load_network(), list(y[:, :192]), 24)
    share = (y[:, 192:, None] <= found.quantiles).mean((0, 1))
    np.testing.assert_allclose(share, LEVELS, atol=0.06)


def test_the_network_beats_each_simple_method_on_fresh_synthetic_series() -> None:
    y = generate.make(910_000, 200, 192 + 24).y
    found = forecast(load_network(), list(y[:, :192]), 24)
    scale = np.abs(np.diff(y[:, :192])).mean(1, keepdims=True) + 1e-9
    model = np.minimum(np.abs(found.quantiles[..., 4] - y[:, 192:]) / scale, 50).mean()
    simple = np.minimum(np.abs(found.simple - y[:, None, 192:]) / scale[:, None], 50).mean((0, 2))
    assert model < simple.min()


def test_the_weights_are_those_that_the_card_describes(tmp_path: Path) -> None:
    card = read_card()
    assert card["weights"] == sum(w.size for w in load_network().weights.values())
    assert (folder() / "weights.safetensors").stat().st_size < 8_000_000
    for name in ("model.json", "weights.safetensors"):
        shutil.copy(folder() / name, tmp_path / name)
    content = bytearray((tmp_path / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "weights.safetensors").write_bytes(content)
    with pytest.raises(ArtifactError, match="not the file that"):
        load_network(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(card | {"format": 99}))
    with pytest.raises(ArtifactError, match="newer tidegate"):
        read_card(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_card(tmp_path)
