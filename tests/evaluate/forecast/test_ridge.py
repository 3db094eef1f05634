import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as Reference

from tests.evaluate.forecast.fake import FakePrepared, make_split, make_table
from tidegate.core.errors import DataError
from tidegate.core.frequency import Frequency
from tidegate.evaluate.forecast import ridge as module
from tidegate.evaluate.forecast.fitted import sample_origins
from tidegate.evaluate.forecast.ridge import Moments, fit_ridges


def _windows(
    seed: int = 0, rows: int = 300, window: int = 12, horizon: int = 4, depth: int = 6
) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, window)).cumsum(axis=1) + 3
    z = rng.normal(size=(1, rows, depth)) * 5 + 2
    y = (
        x @ rng.normal(size=(window, horizon))
        + z[0] @ rng.normal(size=(depth, horizon))
        + rng.normal(size=(rows, horizon))
    )
    return x, y, z


def _moments(x: np.ndarray, y: np.ndarray, z: np.ndarray | None, groups: int = 1) -> Moments:
    sums = Moments(x.shape[1], y.shape[1], groups if z is not None else 0, 0 if z is None else z.shape[2])
    for begin in range(0, len(x), 70):
        part = slice(begin, begin + 70)
        sums.add(x[part], y[part], None if z is None else z[:, part])
    return sums


@pytest.mark.parametrize("alpha", [1e-6, 0.1, 10.0])
def test_window_weights_agree_with_scikit_learn(alpha: float) -> None:
    x, y, z = _windows()
    (bias, past, known), (again, _, _) = _moments(x, y, z).solve([alpha, 1.0], known=False)
    # scikit-learn adds the penalty to the sum over rows; ours goes with their mean and the features' mean variance.
    reference = Reference(alpha=alpha * len(x) * x.var(axis=0).mean()).fit(x, y)
    assert known is None
    assert past == pytest.approx(reference.coef_.T, rel=1e-6, abs=1e-8)
    assert bias == pytest.approx(reference.intercept_, rel=1e-6)
    assert again != pytest.approx(bias) or alpha == 1.0


@pytest.mark.parametrize("alpha", [1e-6, 0.1, 10.0])
def test_joint_weights_agree_with_scikit_learn(alpha: float) -> None:
    x, y, z = _windows()
    bias, past, known = _moments(x, y, z).solve([alpha], known=True)[0]
    scale, unit = np.sqrt(x.var(axis=0).mean()), z[0].std(axis=0)
    reference = Reference(alpha=alpha * len(x)).fit(np.concatenate([x / scale, z[0] / unit], axis=1), y)
    assert known is not None
    assert past == pytest.approx(reference.coef_.T[:12] / scale, rel=1e-6, abs=1e-8)
    assert known[0] == pytest.approx(reference.coef_.T[12:] / unit[:, None], rel=1e-6, abs=1e-8)
    assert bias == pytest.approx(reference.intercept_, rel=1e-6, abs=1e-8)


def test_a_group_per_step_sees_its_own_features_only() -> None:
    x, y, _ = _windows()
    z = np.random.default_rng(9).normal(size=(4, 300, 3))
    z[:, :, 2] = 1.0  # a feature that never varies gets no weight
    y = y + z.sum(axis=2).T
    bias, past, known = _moments(x, y, z, groups=4).solve([0.3], known=True)[0]
    assert known is not None
    scale = np.sqrt(x.var(axis=0).mean())
    for k in range(4):
        unit = z[k, :, :2].std(axis=0)
        features = np.concatenate([x / scale, z[k, :, :2] / unit], axis=1)
        reference = Reference(alpha=0.3 * 300).fit(features, y[:, k])
        assert past[:, k] == pytest.approx(reference.coef_[:12] / scale, rel=1e-6, abs=1e-8)
        assert known[k, :, 0] == pytest.approx([*(reference.coef_[12:] / unit), 0.0], rel=1e-6, abs=1e-8)
        assert bias[k] == pytest.approx(reference.intercept_, rel=1e-6, abs=1e-8)


def test_taking_the_last_value_off_agrees_with_taking_it_off_each_window() -> None:
    x, y, _ = _windows()
    z = np.random.default_rng(9).normal(size=(4, 300, 3))
    last = x[:, -1:]
    for alpha, known in ((0.01, False), (0.01, True), (1.0, True)):
        derived = _moments(x, y, z, groups=4).less_last().solve([alpha], known=known)[0]
        direct = _moments(x - last, y - last, z, groups=4).solve([alpha], known=known)[0]
        for one, other in zip(derived, direct, strict=True):
            assert one is None or one == pytest.approx(other, rel=1e-6, abs=1e-8)


def _problem(
    known: bool = True, series: int = 1, level: float = 0.0, channels: int = 1, gaps: float = 0.0
) -> tuple[FakePrepared, np.ndarray, np.ndarray, np.ndarray]:
    """Series that follow their own past and, with curvature, a known-ahead input; origins of the three parts."""
    rng = np.random.default_rng(1)
    parts, inputs = [], []
    for _ in range(series):
        heat = np.convolve(rng.normal(size=640), np.ones(8), "same")[:600]
        values = np.zeros((600, channels))
        for t in range(2, 600):
            values[t] = 0.5 * values[t - 1] + 0.3 * values[t - 2] + 0.2 * heat[t] ** 2 + rng.normal(0, 0.3, channels)
        parts.append(values * rng.uniform(1, 100, channels) + level * (np.arange(600) >= 420)[:, None])
        inputs.append(heat)
    if gaps:
        parts = [np.where(rng.random(p.shape) < gaps, np.nan, p) for p in parts]
    binary = rng.random(600 * series) < 0.5
    columns = np.stack([np.concatenate(inputs), binary], axis=1) if known else None
    table = make_table(parts, Frequency(1, "h"), columns)
    split = make_split(table)
    sample = [(split.train, True), (split.validation, False), (split.test, False)]
    train, validation, test = (sample_origins(p, table.starts, 10, 6, 10**6, inside=inside) for p, inside in sample)
    return FakePrepared(table, split.train, per_series=series > 1), train, validation, test


def _mae(data: FakePrepared, forecast: np.ndarray, origins: np.ndarray) -> float:
    return float(np.nanmean(np.abs(forecast - data.raw_target(origins, 6))))


def test_close_to_unpenalised_regression_where_there_are_windows_enough() -> None:
    data, train, validation, test = _problem()
    fits = fit_ridges(data, train, validation, 10, 6)
    assert list(fits) == ["ridge", "ridge_known"]
    past = data.past(train, 10)[:, :, 0]
    heat = data.future(train, 6)
    features = np.concatenate([past, heat.reshape(len(heat), -1), heat[:, :, 0] ** 2], axis=1)
    reference = LinearRegression().fit(features, data.target(train, 6)[0][:, :, 0])
    heat = data.future(test, 6)
    features = np.concatenate([data.past(test, 10)[:, :, 0], heat.reshape(len(heat), -1), heat[:, :, 0] ** 2], axis=1)
    expected = _mae(data, data.invert(reference.predict(features)[:, :, None], test), test)
    plain, known = (_mae(data, fit(data, test), test) for fit in fits.values())
    assert known == pytest.approx(expected, rel=0.03)
    assert known < 0.6 * plain
    assert fits["ridge_known"].shape.squares == (0,)  # the square of a 0/1 input says nothing new


def test_chunks_and_channel_groups_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data, train, validation, test = _problem(channels=3)
    whole = {name: fit(data, test) for name, fit in fit_ridges(data, train, validation, 10, 6).items()}
    monkeypatch.setattr(module, "_CHUNK", 1500)
    monkeypatch.setattr(module, "_MOMENTS", 1)
    for name, fit in fit_ridges(data, train, validation, 10, 6).items():
        np.testing.assert_allclose(fit(data, test), whole[name], rtol=1e-6, atol=1e-6)
        assert whole[name].shape == (test.size, 6, 3)


def test_many_known_inputs_fall_back_on_their_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    data, train, validation, test = _problem()
    joint = fit_ridges(data, train, validation, 10, 6)["ridge_known"]
    monkeypatch.setattr(module, "JOINT", 5)
    own = fit_ridges(data, train, validation, 10, 6)["ridge_known"]
    assert joint.shape.groups == 1
    assert own.shape.groups == 6
    assert own.known is not None
    assert own.known.shape == (1, 6, 3, 1)
    # The steps in between matter here, so that seeing them all is better; the last step alone still helps.
    plain = _mae(data, fit_ridges(data, train, validation, 10, 6)["ridge"](data, test), test)
    assert _mae(data, joint(data, test), test) < _mae(data, own(data, test), test) < plain


def test_series_of_different_sizes_share_one_map() -> None:
    data, train, validation, test = _problem(series=6, known=False)
    fits = fit_ridges(data, train, validation, 10, 6)
    assert list(fits) == ["ridge"]
    last = np.repeat(data.raw_target(test - 1, 1), 6, axis=1)
    assert _mae(data, fits["ridge"](data, test), test) < 0.95 * _mae(data, last, test)


def test_a_level_that_moves_is_taken_off() -> None:
    data, train, validation, test = _problem(known=False, level=3e3)
    fit = fit_ridges(data, train, validation, 10, 6)["ridge"]
    assert fit.levels == ("last",)
    shifted = data.past(test, 10)[:, :, 0] + 5
    moved = module._apply(shifted.astype(float), None, "last", (fit.bias[0], fit.past[0], None))
    still = module._apply(shifted.astype(float) - 5, None, "last", (fit.bias[0], fit.past[0], None))
    np.testing.assert_allclose(moved, still + 5, atol=1e-5)


def test_gaps_are_neither_fitted_on_nor_scored() -> None:
    data, train, validation, test = _problem(gaps=0.04)
    assert np.isnan(data.raw_target(train, 6)).any()
    fits = fit_ridges(data, train, validation, 10, 6)
    clean, *origins = _problem()
    assert all(np.isfinite(fit(data, test)).all() for fit in fits.values())
    exact = fit_ridges(clean, *origins[:2], 10, 6)["ridge_known"]
    assert _mae(data, fits["ridge_known"](data, test), test) < 2.0 * _mae(clean, exact(clean, test), test)


def test_without_validation_the_end_of_the_training_part_chooses() -> None:
    data, train, validation, test = _problem()
    fit = fit_ridges(data, train, validation[:0], 10, 6)["ridge_known"]
    other = fit_ridges(data, train, validation, 10, 6)["ridge_known"]
    assert _mae(data, fit(data, test), test) == pytest.approx(_mae(data, other(data, test), test), rel=0.1)


def test_sampled_training_windows_are_enough() -> None:
    data, train, validation, test = _problem()
    few = fit_ridges(data, train, validation, 10, 6, limit=150)["ridge_known"]
    full = fit_ridges(data, train, validation, 10, 6)["ridge_known"]
    assert few.past.tolist() != full.past.tolist()
    assert _mae(data, few(data, test), test) < 1.3 * _mae(data, full(data, test), test)


def test_nothing_to_fit_on() -> None:
    data, train, validation, _ = _problem()
    with pytest.raises(DataError, match=r"no window of 10 \+ 6 steps"):
        fit_ridges(data, train[:0], validation, 10, 6)
    data.raw[:] = np.nan
    with pytest.raises(DataError, match="nine tenths of target 1"):
        fit_ridges(data, train, validation, 10, 6)
