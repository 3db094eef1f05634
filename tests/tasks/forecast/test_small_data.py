"""Small data: a linear forecast inside the network, the pretrained forecaster beside it, a horizon nobody names."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

import tidegate as tg
from tests.tasks.forecast.models import means
from tidegate.artifacts.artifact import read_artifact, write_artifact
from tidegate.core.errors import ArtifactError, DataError, SplitError
from tidegate.core.frequency import Frequency
from tidegate.data.windows import origins
from tidegate.runtime.forecast.decode import beside, forecast
from tidegate.tasks.forecast.small.linear import choose_linear, own_shares

MONTHS = np.datetime64("2015-01", "M")
FAST = {"hidden_size": 4, "num_layers": 1, "max_epochs": 2}


def months(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Growing sales whose season grows with them."""
    t = np.arange(rows)
    noise = np.random.default_rng(seed).normal(size=rows)
    y = (100 + 2 * t) * (1 + 0.3 * np.sin(2 * np.pi * t / 12)) * np.exp(0.02 * noise)
    return {"time": (MONTHS + t).astype("datetime64[us]"), "y": y}


@pytest.fixture(scope="module")
def small() -> tg.Forecaster:
    return tg.Forecaster(level=80, **FAST).fit(months(96), progress=False)


@pytest.mark.parametrize(
    ("step", "usual"),
    [((1, "M"), 12), ((3, "M"), 8), ((12, "M"), 6), ((1, "D"), 7), ((7, "D"), 13), ((1, "h"), 24), ((30, "min"), 48)],
)
def test_a_horizon_that_people_usually_ask_for(step: tuple[int, str], usual: int) -> None:
    assert Frequency(*step).horizon() == usual


def test_sixty_months_are_fitted_without_options() -> None:
    model = tg.Forecaster(max_epochs=2).fit(months(60), progress=False)
    found = means(model.predict())
    assert len(found) == 12
    assert [note.kind for note in model.notes_ if note.kind == "share"] == ["share"]
    assert model.evaluate().overall["model"]["mae"] < model.evaluate().overall["repeat_last"]["mae"]


def test_too_few_rows_name_a_horizon_that_fits() -> None:
    with pytest.raises(SplitError, match=r"A horizon of \d+ fits") as raised:
        tg.Forecaster(max_epochs=1).fit(months(26), progress=False)
    fits = int(str(raised.value).split("A horizon of ")[1].split()[0])
    tg.Forecaster(horizon=fits, max_epochs=1).fit(months(26), progress=False)


def test_the_linear_forecast_is_ridge_regression(small: tg.Forecaster) -> None:
    fitted = small.fitted_.held_out
    window, horizon = fitted.spec.window, fitted.spec.horizon
    places = origins(fitted.table, fitted.split, "train", window=window, horizon=horizon)
    found = choose_linear(fitted.prepared, fitted.split.train, places, window, horizon)
    x, y = fitted.prepared.past(places, window)[:, :, 0], fitted.prepared.target(places, horizon)[0][:, :, 0]
    last = x[:, -1:] if found.last else 0
    penalty = found.alphas[0] * np.linalg.eigvalsh(np.cov((x - last).T, bias=True)).clip(0).mean() * len(x)
    expected = Ridge(alpha=penalty).fit(x - last, y - last)
    tensors = found.weights(fitted.prepared, places)
    np.testing.assert_allclose(tensors["weight"][0], expected.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(tensors["bias"][0], expected.intercept_, rtol=1e-3, atol=1e-4)


def test_a_network_with_no_share_forecasts_linearly(small: tg.Forecaster) -> None:
    fitted = small.fitted_
    at = [layer.kind for layer in fitted.spec.layers].index("skip")
    layer = fitted.network.layers[at]
    before = float(layer.share)
    place = np.array([len(fitted.table)])
    layer.share.fill_(0.0)
    try:
        past = fitted.prepared.past(place, fitted.spec.window)
        ahead = torch.zeros(1, 12, fitted.spec.future)
        values = fitted.network(torch.from_numpy(past), ahead).values[0, :, 0, 0].detach()
    finally:
        layer.share.fill_(before)
    x = past[0, :, 0]
    x = x - x[-1] if fitted.spec.find("normalise") else x
    expected = layer.weight[0].numpy() @ x + layer.bias[0].numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


def hours(rows: int) -> np.ndarray:
    """A sum of two waves and what a step keeps of the one before: the window says almost all."""
    t, noise = np.arange(rows), np.random.default_rng(1).normal(size=rows)
    for i in range(1, rows):
        noise[i] += 0.9 * noise[i - 1]
    return 3 * np.sin(2 * np.pi * t / 24) + np.sin(2 * np.pi * t / 31) + 0.1 * noise


def test_a_network_behind_linear_forecasts_is_trained_again_beside_one() -> None:
    options = {"horizon": 3, "window": 24, "hidden_size": 4, "num_layers": 1, "max_epochs": 1}
    model = tg.Forecaster(**options).fit({"y": hours(8_000)}, progress=False)
    (said,) = [note.values for note in model.notes_ if note.kind == "beside"]
    assert float(said["both"]) <= float(said["linear"]) * 1.01 < float(said["alone"])
    scores = model.evaluate().overall
    assert scores["model"]["mae"] < 1.05 * scores["ridge"]["mae"]
    fitted = model.fitted_
    places = origins(fitted.table, fitted.split, "train", window=24, horizon=3)
    check = origins(fitted.table, fitted.split, "validation", window=24, horizon=3)
    x, ahead = (fitted.prepared.past(own, 24)[:, :, 0] for own in (places, check))
    y, truth = (fitted.prepared.target(own, 3)[0][:, :, 0] for own in (places, check))
    off, last = (values[:, -1:] if fitted.spec.find("normalise") else 0 for values in (x, ahead))
    found = Ridge(alpha=1e-6).fit(x - off, y - off).predict(ahead - last) + last
    assert float(said["linear"]) == pytest.approx(np.abs(found - truth).mean(), rel=0.02)


def test_forecasts_are_the_average_by_shares(small: tg.Forecaster) -> None:
    fitted = small.fitted_
    share = fitted.decoding.mixture.sum()
    assert 0.05 <= share <= 1
    place = np.array([len(fitted.table) - 12])
    alone = fitted.forecast(place, type(fitted.decoding)(12, True, fitted.decoding.quantiles)).mean[0, :, 0]
    other = fitted.prepared.invert(beside(fitted.decoding, fitted.prepared, place)[..., 0], place)[0, :, 0]
    both = fitted.forecast(place).mean[0, :, 0]
    if fitted.preparation.options.target_transform in ("log1p", "log"):
        alone, other, both = np.log1p(alone), np.log1p(other), np.log1p(both)
    np.testing.assert_allclose(both, (1 - share) * alone + share * other, rtol=1e-4)


def test_shares_follow_errors_and_theta_begins_with_half_a_weight(small: tg.Forecaster) -> None:
    fitted = small.fitted_.of_part("validation")
    (said,) = [note.values for note in small.notes_ if note.kind == "pretrained"]
    mixture = fitted.decoding.mixture[0]
    assert mixture.shape == (19,)
    missed = np.array([float(said[name]) for name in ("network", "pretrained", "missed")])
    rows = (fitted.split.validation[0, 1] - fitted.split.train[0, 0]) // 2
    weights = np.array([1.0, 1.0, 0.5]) * missed ** -min(8.0, 2.0 * (rows // 12))
    expected = weights / weights.sum()
    expected[1:][expected[1:] < 0.05] = 0.0
    np.testing.assert_allclose([mixture[:-1].sum(), mixture[-1]], expected[1:], atol=0.01)


def test_shares_saved_before_theta_was_there_leave_it_out(small: tg.Forecaster, tmp_path: Path) -> None:
    place = small.save(tmp_path / "model")
    artifact = read_artifact(place)
    record = artifact.record.model_dump(by_alias=True, exclude={"format_version", "files"})
    record["network"] = artifact.record.network.model_dump(mode="json")
    context = {**artifact.context, "mixture": artifact.context["mixture"][:, :-1]}
    write_artifact(place, record=record, weights=artifact.weights, preparation=artifact.preparation, context=context)
    np.testing.assert_array_equal(tg.load(place).decoding_.mixture, np.pad(context["mixture"], ((0, 0), (0, 1))))


def test_the_pretrained_forecaster_sees_nothing_later(small: tg.Forecaster) -> None:
    fitted = small.fitted_
    data = months(96)
    data["y"][84:] = 1e6
    changed = fitted.preparation.apply(tg.read(data))
    place = np.array([84])
    found = [forecast(small.run_, fitted.spec, fitted.decoding, p, place).mean for p in (fitted.prepared, changed)]
    np.testing.assert_array_equal(*found)
    np.testing.assert_array_equal(
        own_shares(fitted.table, np.array([[0, 84]]), 12), own_shares(changed.table, np.array([[0, 84]]), 12)
    )


def test_saved_it_forecasts_and_streams_the_same(small: tg.Forecaster, tmp_path: Path) -> None:
    loaded = tg.load(small.save(tmp_path / "model"))
    expected = means(small.predict())
    np.testing.assert_allclose(means(loaded.predict()), expected, rtol=1e-5)
    data = months(97)
    stream = loaded.stream()
    found = stream.update(float(data["y"][96]))
    np.testing.assert_allclose(found.values.mean[0, :, 0], means(loaded.predict(data))[:, 0], rtol=1e-6)


def test_another_version_of_the_pretrained_forecaster_is_refused(small: tg.Forecaster, tmp_path: Path) -> None:
    place = small.save(tmp_path / "model")
    artifact = read_artifact(place)
    record = artifact.record.model_dump(by_alias=True, exclude={"format_version", "files"})
    record["network"] = artifact.record.network.model_dump(mode="json")
    record["decoding"]["pretrained"] = "0"
    parts = {"weights": artifact.weights, "preparation": artifact.preparation, "context": artifact.context}
    write_artifact(place, record=record, **parts)
    with pytest.raises(ArtifactError, match="version 0 of the pretrained forecaster"):
        tg.load(place)


def test_seeds_change_little() -> None:
    errors = [
        tg.Forecaster(seed=seed, max_epochs=5).fit(months(96), progress=False).evaluate().overall["model"]["mae"]
        for seed in range(2)
    ]
    assert max(errors) < 1.1 * min(errors)


def test_the_pretrained_forecaster_alone_is_the_one_without_training(tmp_path: Path) -> None:
    data = months(96)
    model = tg.Forecaster(horizon=6, pretrained=True).fit(data, test=0, validation=6, progress=False)
    expected = tg.forecast(tg.read(data), horizon=6).columns()["mean"]
    np.testing.assert_allclose(means(model.predict())[:, 0], expected, rtol=1e-6)
    assert len(model.history_) == 0
    with pytest.raises(DataError, match="nothing was trained"):
        model.diagnose()


def test_the_pretrained_forecaster_alone_has_a_run_a_verdict_and_a_backtest(tmp_path: Path) -> None:
    model = tg.Forecaster(horizon=6, level=80, pretrained=True).fit(months(96), out=tmp_path / "run", progress=False)
    loaded = tg.load(tmp_path / "run")
    np.testing.assert_allclose(means(loaded.predict()), means(model.predict()), rtol=1e-6)
    assert loaded.standing().verdict.key == model.evaluate().verdict.key
    assert "ridge" in model.evaluate().overall
    assert "ridge regression" in str(model.backtest(months(96), folds=2))
