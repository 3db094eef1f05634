"""Ensembles: members that differ, answers that are their mean, and the same answers after saving and resuming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.label import data
from tidegate.artifacts.spec import Label, NetworkSpec, Pool, Recurrent
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.nn.network import Ensemble, Network
from tidegate.runtime.network.network import run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.steps import Steps

QUICK: dict[str, Any] = {"hidden_size": 8, "max_epochs": 4, "batch_size": 16, "learning_rate": 1e-2}
SPEC: dict[str, Any] = {"window": 0, "horizon": 1, "past": 2, "targets": 0, "outputs": 3}
LAYERS = (Recurrent(hidden_size=5), Pool(by="attention"), Label())


def members(count: int = 3) -> list[Network]:
    spec = NetworkSpec(layers=LAYERS, **SPEC)
    networks = []
    for seed in range(count):
        torch.manual_seed(seed)
        networks.append(Network(spec).eval())
    return networks


@pytest.mark.parametrize("load", [dict, Loaded])
def test_what_an_ensemble_says_is_the_mean_of_its_members_with_and_without_torch(load: Any) -> None:
    networks = members()
    ensemble = Ensemble(networks)
    past, lengths = torch.randn(4, 9, 2), torch.tensor([9, 3, 1, 7])
    with torch.no_grad():
        each = [network(past, lengths=lengths) for network in networks]
        whole = ensemble(past, lengths=lengths)
    torch.testing.assert_close(whole.values, sum(own.values for own in each) / 3)
    torch.testing.assert_close(whole.attention, sum(own.attention for own in each) / 3)
    weights = load({name: tensor.numpy() for name, tensor in ensemble.state_dict().items()})
    found = run_network(ensemble.spec, weights, past.numpy(), lengths=lengths.numpy())
    np.testing.assert_allclose(found.values, whole.values.numpy(), atol=1e-6)
    np.testing.assert_allclose(found.attention, whole.attention.numpy(), atol=1e-6)


def test_members_differ_and_the_first_is_the_network_that_would_stand_alone(tmp_path: Path) -> None:
    sequences = data.waves(80)
    alone = tg.Classifier(**QUICK, training={"refit": False}).fit(sequences, progress=False)
    model = tg.Classifier(**QUICK, training={"refit": False}, ensemble_size=3).fit(sequences, progress=False)
    first, second, _ = model.fitted_.network.members
    for name, tensor in alone.fitted_.network.state_dict().items():
        assert torch.equal(first.state_dict()[name], tensor), name
    assert not torch.equal(first.layers[0].convs[0].weight, second.layers[0].convs[0].weight)
    assert len(model.fitted_.histories) == 3
    with torch.no_grad():
        past = torch.randn(2, 15, 2)
        each = [own(past).values for own in model.fitted_.network.members]
        mean = torch.stack(each).mean(dim=0)
    torch.testing.assert_close(torch.from_numpy(model.run_(past.numpy(), None).values), mean)
    model.save(tmp_path / "model")
    again = tg.load(tmp_path / "model")
    np.testing.assert_allclose(again.predict_proba(sequences), model.predict_proba(sequences), atol=1e-6)


def test_an_ensemble_resumes_where_it_was(tmp_path: Path) -> None:
    sequences = data.means(60)
    options = {**QUICK, "ensemble_size": 2}
    first = tg.Regressor(**options).fit(sequences, out=tmp_path / "run", progress=False)
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [
        "last", "last-1", "refit", "refit-1"
    ]  # fmt: skip
    again = tg.Regressor(**options).fit(sequences, out=tmp_path / "run", resume=True, progress=False)
    np.testing.assert_array_equal(again.predict(sequences)["level"], first.predict(sequences)["level"])
    assert "refit" in {note.kind for note in first.notes_}


def test_what_an_ensemble_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="ensemble_size"):
        tg.Classifier(ensemble_size=0).fit(data.waves(40), progress=False)
    with pytest.raises(
        ConfigError, match="ensemble_size is a whole number from 1 to 64"
    ):  # else trained, saved, and never read again
        tg.Classifier(ensemble_size=65).fit(data.waves(40), progress=False)
    ensemble = Ensemble(members(2))
    weights = {name: tensor.numpy() for name, tensor in ensemble.state_dict().items()}
    with pytest.raises(ConfigError, match="ensemble of 2 members"):
        Steps(ensemble.spec, weights)
    with pytest.raises(ArtifactError, match="members"):
        NetworkSpec.from_json({**ensemble.spec.model_dump(mode="json"), "members": 65})
