"""The pretrained forecaster trained on with the user's own series."""

from pathlib import Path

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.forecast.models import means
from tidegate.artifacts.artifact import read_artifact, write_artifact
from tidegate.core.errors import ArtifactError, DataError, TidegateError
from tidegate.runtime.pretrained.forecast import forecast
from tidegate.runtime.pretrained.network import LEVELS, load_network
from tidegate.tasks.forecast.small.fine_tune import Examples, PretrainedNetwork

K = 4


def chaos(rows: int) -> np.ndarray:
    """The logistic map: nothing that the pretrained network has met, and no chance in it."""
    y = np.full(rows, 0.3)
    for t in range(1, rows):
        y[t] = 3.9 * y[t - 1] * (1 - y[t - 1])
    return y


@pytest.fixture(scope="module")
def tuned() -> tg.Forecaster:
    return tg.Forecaster(horizon=K, pretrained="fine-tune", level=80, max_epochs=4).fit(chaos(400), progress=False)


def test_examples_are_what_the_runtime_reads_and_what_came() -> None:
    table = tg.read(chaos(90), check=False)
    places = np.array([40, 61, 86])
    own = Examples.of(table, places, K)
    network = load_network()
    twin = PretrainedNetwork(network.layer.hidden_size)
    twin.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in network.weights.items()})
    y = chaos(90)
    for (x, z, mixed, target, seen), place in zip(own.groups, places, strict=True):  # each of another length
        with torch.no_grad():
            _, q = twin(x, z, mixed)
        assert seen[0, 0].tolist() == [1] * K + [0] * (8 - K)
        expected = forecast(network, [y[:place]], K, table.frequency.seasons()).quantiles[0]
        found = np.sort(q[0, 0, :K].numpy(), axis=1)
        middle = LEVELS.index(0.5)
        unit = (expected[0, -1] - expected[0, 0]) / (found[0, -1] - found[0, 0])
        level = expected[0, middle] - unit * found[0, middle]
        np.testing.assert_allclose(found * unit + level, expected, atol=1e-4)
        np.testing.assert_allclose(target[0, 0, :K] * unit + level, y[place : place + K], atol=1e-4)


def test_it_learns_what_the_pretrained_forecaster_does_not_know(tuned: tg.Forecaster) -> None:
    zero = tg.Forecaster(horizon=K, pretrained=True, level=80).fit(chaos(400), progress=False)
    errors = [model.evaluate(ridge=False).overall["model"]["mae"] for model in (tuned, zero)]
    assert errors[0] < 0.98 * errors[1]
    losses = [epoch.validation_loss for epoch in tuned.history_]
    assert min(losses) < losses[0]
    assert tuned.history_.best.validation_loss == min(losses)


def test_saved_it_answers_the_same(tuned: tg.Forecaster, tmp_path: Path) -> None:
    loaded = tg.load(tuned.save(tmp_path / "model"))
    np.testing.assert_allclose(means(loaded.predict()), means(tuned.predict()), rtol=1e-5)
    assert loaded.decoding_.tuned is not None


def test_weights_that_are_no_such_network_are_refused(tuned: tg.Forecaster, tmp_path: Path) -> None:
    place = tuned.save(tmp_path / "model")
    artifact = read_artifact(place)
    record = artifact.record.model_dump(by_alias=True, exclude={"format_version", "files"})
    record["network"] = artifact.record.network.model_dump(mode="json")
    context = {name: own for name, own in artifact.context.items() if name != "pretrained.out.bias"}
    write_artifact(place, record=record, weights=artifact.weights, preparation=artifact.preparation, context=context)
    with pytest.raises(ArtifactError, match="fine-tuned weights are not those"):
        tg.load(place)


def test_what_does_not_help_is_not_kept() -> None:
    data = np.random.default_rng(0).normal(size=200)
    options = {"horizon": K, "max_epochs": 1, "learning_rate": 0.3}
    model = tg.Forecaster(pretrained="fine-tune", **options).fit(data, progress=False)
    assert model.decoding_.tuned is None
    zero = tg.Forecaster(pretrained=True, horizon=K).fit(data, progress=False)
    np.testing.assert_array_equal(means(model.predict()), means(zero.predict()))
    assert "does not help" in " ".join(note.message for note in model.notes_ if note.kind == "fine-tuned")
    with pytest.raises(DataError, match="not examined"):
        model.diagnose()


def test_a_forecast_at_once_is_tuned_on_all_but_the_rows_that_judge_it() -> None:
    data = chaos(200)
    plain, tuned = (tg.forecast(data, horizon=K, adapt=False, fine_tune=own) for own in (False, True))
    assert tuned.check.scores["pretrained"] < plain.check.scores["pretrained"]
    assert tuned.check.scores["mean"] == plain.check.scores["mean"]  # of the same rows
    assert [note.kind for note in tuned.notes].count("fine-tuned") == 1
    judged = data.copy()
    judged[-5 * K :] = 0.9 - judged[-5 * K :] / 2
    seen = tg.forecast(judged, horizon=K, fine_tune=True, check=False)
    assert [note.values for note in seen.notes if note.kind == "fine-tuned"] == [
        note.values for note in tuned.notes if note.kind == "fine-tuned"
    ]


def test_too_few_rows_to_tune_on_are_named() -> None:
    with pytest.raises(TidegateError, match=r"row|window"):
        tg.forecast(chaos(24), horizon=K, fine_tune=True)
