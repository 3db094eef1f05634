"""Ensembles of forecasters, and the training on training and validation part together."""

from pathlib import Path

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.forecast.models import plain, quick
from tidegate.runtime.forecast.decode import forecast
from tidegate.tasks.open import open_run
from tidegate.train.run import TorchRun


def test_an_ensemble_forecasts_the_mean_of_its_members(tmp_path: Path) -> None:
    alone = quick().fit(plain(), progress=False)
    model = quick(ensemble_size=2).fit(plain(), progress=False)
    first, second = model.fitted_.network.members
    for name, tensor in alone.fitted_.network.state_dict().items():
        assert torch.equal(first.state_dict()[name], tensor), name
    fitted, origins = model.fitted_, np.array([400, 500])
    each = [
        forecast(TorchRun(own).windows, own.spec, fitted.decoding, fitted.prepared, origins).mean
        for own in (first, second)
    ]
    assert not np.allclose(*each)
    np.testing.assert_allclose(fitted.forecast(origins).mean, np.mean(each, axis=0), rtol=1e-6)
    model.save(tmp_path / "model")
    again = tg.load(tmp_path / "model").forecast_columns()["mean"]
    np.testing.assert_allclose(again, model.forecast_columns()["mean"], rtol=1e-5)
    assert model.explain(sample=8, background=4).gates


def test_a_refit_learns_from_the_validation_part_and_is_not_scored_on_it() -> None:
    before = quick().fit(plain(), progress=False)
    after = quick(refit=True).fit(plain(), progress=False)
    assert after.evaluate(part="validation").overall == before.evaluate(part="validation").overall
    assert after.evaluate().overall["model"] != before.evaluate().overall["model"]
    assert next(note for note in after.notes_ if note.kind == "refit").values["epochs"] == "1"
    fitted = after.fitted_
    assert fitted.split.train[0, 1] < fitted.split.validation[0, 1]  # the parts stay what they were
    means = [fit.preparation.to_json() for fit in (fitted, fitted.held_out)]
    assert means[0] != means[1]  # scaled by the rows of both parts


def test_the_test_part_is_never_learned_from() -> None:
    table = plain()
    spoiled = {**table, "y": np.where(np.arange(600) < 480, table["y"], 1e6)}
    one, other = (quick(refit=True, ensemble_size=2).fit(data, progress=False) for data in (table, spoiled))
    for name, tensor in one.fitted_.network.state_dict().items():
        assert torch.equal(other.fitted_.network.state_dict()[name], tensor), name


def test_a_reopened_run_still_holds_its_validation_part_out(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    table = plain()
    data.write_text("time,y\n" + "\n".join(f"{t},{y}" for t, y in zip(table["time"], table["y"], strict=True)))
    model = quick(refit=True).fit(data, progress=False, out=tmp_path / "run")
    again = open_run(tmp_path / "run")
    for part in ("validation", "test"):
        one, other = (own.evaluate(part=part).overall["model"]["mae"] for own in (model, again))
        assert other == pytest.approx(one, rel=1e-5)
