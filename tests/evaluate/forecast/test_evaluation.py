import json
import math

import numpy as np
import pytest
from sklearn import metrics as reference

from tests.evaluate.forecast.fake import FakePrepared, Split, make_split, make_table
from tidegate.core.errors import DataError
from tidegate.core.frequency import Frequency
from tidegate.evaluate import evaluate, evaluate_forecasts, fit_baselines
from tidegate.evaluate.forecast import evaluate as evaluating
from tidegate.evaluate.forecast import metrics
from tidegate.evaluate.forecast.evaluation import Evaluation
from tidegate.evaluate.forecast.fitted import sample_origins
from tidegate.evaluate.significance import diebold_mariano, paired_test


def _windows(shape: tuple[int, int, int] = (80, 5, 2), gaps: float = 0.1) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    actual = rng.normal(20, 5, shape) * np.arange(1, shape[2] + 1)
    good, poor = actual + rng.normal(0, 1, shape), actual + rng.normal(0, 2, shape)
    return np.where(rng.random(shape) < gaps, np.nan, actual), good, poor


def test_every_figure_agrees_with_the_pure_functions() -> None:
    actual, good, poor = _windows()
    series = np.arange(80) % 3
    scale = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    quantiles = {0.1: good - 1.5, 0.5: good, 0.9: good + 1.5, 0.8: good + 1.0}
    result = evaluate(
        actual, good, quantiles, {"poor": poor}, ids=("a", "b", "c"), series=series, scale=scale, squared_scale=scale**2
    )
    for name, f in (("model", good), ("poor", poor)):
        own = result.overall[name]
        for metric in ("mse", "rmse", "mae", "mape", "smape"):
            assert own[metric] == pytest.approx(getattr(metrics, metric)(actual, f)), metric
        assert own["r2"] == pytest.approx(np.mean([metrics.r2(actual[:, :, c], f[:, :, c]) for c in range(2)]))
        cells = [(g, c) for g in range(3) for c in range(2) if np.isfinite(scale[g, c])]
        each = [metrics.mae(actual[series == g][:, :, c], f[series == g][:, :, c]) / scale[g, c] for g, c in cells]
        assert own["mase"] == pytest.approx(np.mean(each))
        each = [metrics.rmse(actual[series == g][:, :, c], f[series == g][:, :, c]) / scale[g, c] for g, c in cells]
        assert own["rmsse"] == pytest.approx(np.mean(each))
        assert result.per_step[name] == pytest.approx([metrics.mae(actual[:, k], f[:, k]) for k in range(5)])
        for g, label in enumerate("abc"):
            assert result.per_series[label][name] == pytest.approx(metrics.mae(actual[series == g], f[series == g]))
        for c in range(2):
            own = result.per_target[f"target_{c + 1}"][name]
            seen = ~np.isnan(actual[:, :, c])
            y, p = actual[:, :, c][seen], f[:, :, c][seen]
            assert own["mse"] == pytest.approx(reference.mean_squared_error(y, p))
            assert own["r2"] == pytest.approx(reference.r2_score(y, p))
            assert own["bias"] == pytest.approx((p - y).mean())
    model = result.overall["model"]
    assert model["pinball"] == pytest.approx(np.mean([metrics.pinball(actual, f, q) for q, f in quantiles.items()]))
    assert model["crps"] == pytest.approx(metrics.crps_from_quantiles(actual, quantiles))
    assert result.coverage == pytest.approx({0.8: metrics.coverage(actual, quantiles[0.1], quantiles[0.9])})
    by_step = [
        metrics.coverage(actual[:, k], quantiles[0.1][:, k], quantiles[0.9][:, k]) for k in range(actual.shape[1])
    ]
    assert result.coverage_per_step[0.8] == pytest.approx(by_step)
    assert f"{100 * min(by_step):.1f} % (step {int(np.argmin(by_step)) + 1}) to" in result.details("en")[-1]
    assert result.interval_width == pytest.approx({0.8: 3.0})
    seen = ~np.isnan(actual)
    assert result.quantile_share == pytest.approx({q: np.mean((actual <= f)[seen]) for q, f in quantiles.items()})
    assert result.criterion == "mase"
    assert result.best_baseline == "poor"
    assert result.skill == pytest.approx(1 - result.overall["model"]["mase"] / result.overall["poor"]["mase"])
    assert [note.kind for note in result.notes] == ["mase"]
    assert result.notes[0].values == {"count": 1}


def test_chunks_and_functions_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    actual, good, poor = _windows()
    whole = evaluate(actual, good, {0.25: good - 1, 0.75: good + 1}, {"poor": poor})
    monkeypatch.setattr(evaluating, "_CHUNK", 70)
    parts = evaluate(
        lambda part: actual[part], good, {0.25: good - 1, 0.75: good + 1}, {"poor": lambda part: poor[part]}
    )
    assert parts.overall["model"] == pytest.approx(whole.overall["model"], nan_ok=True)
    assert parts.overall["poor"] == pytest.approx(whole.overall["poor"], nan_ok=True)
    assert parts.coverage == pytest.approx(whole.coverage)
    assert parts.dm is not None
    assert whole.dm is not None
    assert parts.dm.statistic == pytest.approx(whole.dm.statistic)


def test_r2_keeps_its_digits_far_from_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "_CHUNK", 20)
    actual, good, _ = _windows((60, 4, 1), gaps=0.0)
    result = evaluate(actual + 1e8, good + 1e8)
    assert result.overall["model"]["r2"] == pytest.approx(reference.r2_score(actual.ravel(), good.ravel()), rel=1e-6)


def test_methods_are_ranked_and_tested_against_the_best() -> None:
    actual, good, poor = _windows((80, 5, 1), gaps=0.0)
    worst = poor + 5
    result = evaluate(actual, poor, None, {"worst": worst, "good": good})
    assert result.methods == ("model", "good", "worst")
    assert result.criterion == "mae"
    assert result.skill == pytest.approx(1 - metrics.mae(actual, poor) / metrics.mae(actual, good))
    losses = [np.abs(actual - f).mean(axis=(1, 2)) for f in (poor, good)]
    assert result.dm == diebold_mariano(losses[0], losses[1], 5)
    assert result.verdict.key == "loses"
    assert "does not beat" in str(result)


def test_windows_that_begin_together_are_one_piece_of_evidence() -> None:
    actual, good, poor = _windows((120, 3, 1), gaps=0.0)
    series, positions = np.repeat([0, 1], 60), np.tile(np.arange(60), 2)
    result = evaluate(actual, good, None, {"poor": poor}, ids=("a", "b"), series=series, positions=positions)
    d = [np.abs(actual - f).mean(axis=(1, 2)).reshape(2, 60).mean(axis=0) for f in (good, poor)]
    assert result.dm is not None
    assert result.dm.windows == 60
    assert result.dm.statistic == pytest.approx(diebold_mariano(d[0], d[1], 3).statistic)


def test_one_window_for_each_of_many_series() -> None:
    actual, good, poor = _windows((50, 3, 1), gaps=0.0)
    ids = tuple(f"s{g}" for g in range(50))
    result = evaluate(
        actual, good, None, {"poor": poor}, ids=ids, series=np.arange(50), positions=np.zeros(50, np.int64)
    )
    losses = [np.abs(actual - f).mean(axis=(1, 2)) for f in (good, poor)]
    assert result.dm is not None
    assert result.dm.statistic == pytest.approx(paired_test(losses[0], losses[1]).statistic)


def test_large_series_do_not_outvote_small_ones() -> None:
    actual = np.array([1.0, 1000.0]).reshape(2, 1, 1)
    first, second = np.array([1.1, 1200.0]).reshape(2, 1, 1), np.array([3.0, 1100.0]).reshape(2, 1, 1)
    scale = np.array([[1.0], [1000.0]])
    result = evaluate(actual, first, None, {"second": second}, ids=("a", "b"), series=np.arange(2), scale=scale)
    assert result.overall["model"]["mae"] > result.overall["second"]["mae"]
    assert result.overall["model"]["mase"] == pytest.approx((0.1 + 0.2) / 2)
    assert result.skill is not None
    assert result.skill > 0
    assert result.verdict.key == "untested"  # two series decide nothing


def test_a_single_window_cannot_be_tested() -> None:
    actual, good, poor = _windows((1, 3, 1), gaps=0.0)
    result = evaluate(actual, good, None, {"poor": poor})
    assert result.dm is None
    assert result.verdict.key == "untested"
    assert Evaluation.from_json(json.loads(json.dumps(result.to_json()))).dm is None


def test_zeros_are_counted() -> None:
    result = evaluate(np.array([0.0, 1.0, 0.0, 2.0]).reshape(4, 1, 1), np.ones((4, 1, 1)))
    assert result.overall["model"]["mape"] == pytest.approx(25.0)
    assert [(note.kind, note.values) for note in result.notes] == [("mape", {"count": 2})]


def test_json_round_trip_and_tampering() -> None:
    actual, good, poor = _windows((80, 5, 1))
    result = evaluate(actual, good, {0.1: good - 1, 0.9: good + 1}, {"poor": poor, "drift": poor + 1}, unit="MW")
    state = json.loads(json.dumps(result.to_json(), allow_nan=False))
    again = Evaluation.from_json(state)
    assert again.to_json() == result.to_json()
    before = {name: value for name, value in state.items() if name != "coverage_per_step"}  # of an earlier version
    assert Evaluation.from_json(before).coverage_per_step == {}
    assert again.coverage == result.coverage
    assert math.isnan(again.overall["model"]["mase"])
    assert again.table("zh_TW") == result.table("zh_TW")
    with pytest.raises(DataError, match=r"\['extra'\]"):
        Evaluation.from_json({**state, "extra": 1})
    with pytest.raises(DataError, match=r"\['skill'\]"):
        Evaluation.from_json({name: value for name, value in state.items() if name != "skill"})


def test_table_in_both_languages() -> None:
    actual, good, poor = _windows((80, 5, 1))
    result = evaluate(actual, good, {0.1: good - 1.3, 0.9: good + 1.3}, {"repeat_last": poor})
    rows = result.rows("en")
    assert rows[0] == ["method", "MAE", "RMSE", "R²", "MAPE %", "sMAPE %", "skill %"]  # no MASE: there is no scale
    assert [row[0] for row in rows[1:]] == ["model", "repeat the last value"]
    assert rows[1][1] == f"{metrics.mae(actual, good):.4f}"
    assert rows[2][-1] == f"{100 * (1 - metrics.mae(actual, good) / metrics.mae(actual, poor)):+.1f}"
    lines = result.table("zh_TW").splitlines()
    assert lines[0].startswith("方法")
    assert lines[3].startswith("沿用最後一個值")
    assert "80% 預測區間涵蓋了" in lines[4]
    assert lines[-1].startswith("模型勝過")
    # A Chinese character is two columns wide, and numbers end in the same column.
    ends = {
        sum(2 if ord(letter) > 0x2E80 else 1 for letter in line[: line.index(row[1]) + len(row[1])])
        for line, row in zip(lines[2:4], rows[1:], strict=True)
    }
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"forecast": np.zeros((4, 2))}, r"\(4, 2\); expected \[windows, steps, targets\]"),
        ({"forecast": np.zeros((0, 2, 1))}, "at least one window"),
        ({"actual": np.zeros((4, 3, 1))}, r"actual values have shape \(4, 3, 1\)"),
        ({"actual": np.full((4, 2, 1), np.nan)}, "nothing to score"),
        ({"baselines": {"mine": np.zeros((4, 3, 1))}}, "'mine' has shape"),
        ({"baselines": {"mine": np.full((4, 2, 1), np.nan)}}, "'mine' is NaN or infinite at 8 of 8"),
        ({"quantiles": {0.5: np.full((4, 2, 1), np.inf)}}, "quantile 0.5 is NaN or infinite"),
        ({"quantiles": {0.5: np.zeros((4, 1, 1))}}, "quantile 0.5 has shape"),
        ({"series": np.array([0, 0, 0, 1])}, "one of 1 series"),
        ({"scale": np.ones((2, 1))}, r"expected \(1, 1\)"),
    ],
)
def test_errors(change: dict[str, object], message: str) -> None:
    arguments = {"actual": np.ones((4, 2, 1)), "forecast": np.zeros((4, 2, 1)), **change}
    with pytest.raises(DataError, match=message):
        evaluate(**arguments)  # type: ignore[arg-type]


def _hourly(days: int = 60, series: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    t = np.arange(24 * days)
    week = np.where(t // 24 % 7 >= 5, -3.0, 0.0)
    return [(5 * np.sin(2 * np.pi * t / 24) + week + 20 + rng.normal(0, 0.5, t.size)) * 10**g for g in range(series)]


def test_judge_compares_with_all_baselines() -> None:
    values = _hourly()[0]
    values[100:103] = np.nan
    known = np.stack([np.sin(np.arange(values.size) / 4), np.arange(values.size) % 2], axis=1)
    table = make_table([values], Frequency(1, "h"), known)
    split = make_split(table)
    prepared = FakePrepared(table, split.train)
    origins = sample_origins(split.test, table.starts, 48, 12, 10**6, inside=False)
    fitted = fit_baselines(table, split, prepared, window=48, horizon=12)
    names = {"repeat_last", "seasonal_naive_24", "seasonal_naive_168", "drift", "mean", "median"}
    names |= {f"seasonal_{how}_{m}" for how in ("mean", "median") for m in (24, 168)}
    names |= {"theta", "ridge", "ridge_known"}
    assert set(fitted.methods) == names
    assert fitted.season == 168
    assert not fitted.walk
    train = values[: split.train[0, 1]]
    assert fitted.scale[0, 0] == pytest.approx(metrics.seasonal_error(train, 168))
    forecast = fitted.methods["seasonal_naive_168"](origins)
    result = evaluate_forecasts(
        table, split, prepared, origins, forecast, window=48, horizon=12, baselines=fitted, unit="MW"
    )
    actual = prepared.raw_target(origins, 12)
    assert result.overall["model"] == pytest.approx(result.overall["seasonal_naive_168"])
    assert result.overall["model"]["mase"] == pytest.approx(metrics.mase(actual, forecast, train, 168))
    assert (result.targets, result.unit, result.origins, result.horizon) == (("y0",), "MW", origins.size, 12)
    assert set(result.methods) == {"model", *names}
    assert result.verdict.key in ("tie", "loses", "chance", "worse")
    again = evaluate_forecasts(table, split, prepared, origins, forecast, window=48, horizon=12)
    assert again.to_json() == {**result.to_json(), "unit": ""}
    assert set(
        evaluate_forecasts(table, split, prepared, origins, forecast, window=48, horizon=12, ridge=False).methods
    ) == {"model", *(names - {"ridge", "ridge_known"})}


def test_judge_many_series_of_unlike_sizes() -> None:
    table = make_table(_hourly(30, series=3), Frequency(1, "h"))
    split = make_split(table)
    prepared = FakePrepared(table, split.train, per_series=True)
    origins = sample_origins(split.test, table.starts, 24, 6, 10**6, inside=False)
    forecast = prepared.raw_target(origins - 24, 6)
    result = evaluate_forecasts(table, split, prepared, origins, forecast, window=24, horizon=6, season=24)
    assert result.season == 24
    assert result.criterion == "mase"
    assert set(result.per_series) == {"s0", "s1", "s2"}
    each = [_series_mase(split, origins, prepared, g) for g in range(3)]
    assert result.overall["model"]["mase"] == pytest.approx(np.mean(each))
    assert result.dm is not None
    assert result.dm.windows == origins.size // 3


def _series_mase(split: Split, origins: np.ndarray, prepared: FakePrepared, g: int) -> float:
    own = origins[(origins >= g * 720) & (origins < (g + 1) * 720)]
    train = prepared.raw[split.train[g, 0] : split.train[g, 1], 0]
    return metrics.mase(prepared.raw_target(own, 6), prepared.raw_target(own - 24, 6), train, 24)


def test_a_random_walk_cannot_be_beaten_and_a_leak_is_smelt() -> None:
    values = 100 + np.cumsum(np.random.default_rng(4).normal(size=1500))
    table = make_table([values], Frequency(1, "B"))
    split = make_split(table)
    prepared = FakePrepared(table, split.train)
    origins = sample_origins(split.test, table.starts, 20, 5, 10**6, inside=False)
    last = np.repeat(prepared.raw_target(origins - 1, 1), 5, axis=1)
    honest = evaluate_forecasts(table, split, prepared, origins, last, window=20, horizon=5)
    assert not honest.verdict.beats
    assert not honest.verdict.warnings
    leaking = 0.8 * last + 0.2 * prepared.raw_target(origins, 5)
    result = evaluate_forecasts(table, split, prepared, origins, leaking, window=20, horizon=5)
    assert result.verdict.warnings == ("walk",)
    assert "Look for a leak" in str(result)


def test_a_training_part_too_short_for_ridge_is_reported() -> None:
    table = make_table([np.random.default_rng(0).normal(size=60)], Frequency(1, "D"))
    split = make_split(table)
    prepared = FakePrepared(table, split.train)
    origins = sample_origins(split.test, table.starts, 40, 4, 10**6, inside=False)
    forecast = np.zeros((origins.size, 4, 1))
    result = evaluate_forecasts(table, split, prepared, origins, forecast, window=40, horizon=4)
    assert "ridge" not in result.methods
    assert [(note.kind, note.values["method"]) for note in result.notes] == [("baseline", "ridge")]
    with pytest.raises(DataError, match="at least 1"):
        evaluate_forecasts(table, split, prepared, origins[:0], forecast[:0], window=40, horizon=4)


def test_baselines_look_at_the_training_part_alone() -> None:
    values = _hourly(30)[0]
    spoiled = values.copy()
    spoiled[:200] = 1e6  # before the training part
    spoiled[600:] = -1e6  # after the validation part
    rows = Split(np.array([[200, 500]]), np.array([[500, 600]]), np.array([[600, 720]]))
    fitted = []
    for series in (values, spoiled):
        table = make_table([series], Frequency(1, "h"))
        fitted.append(fit_baselines(table, rows, FakePrepared(table, rows.train), window=24, horizon=6))
    first, second = fitted
    assert (first.season, first.seasons, first.walk) == (second.season, second.seasons, second.walk)
    np.testing.assert_array_equal(first.scale, second.scale)
    origins = np.array([560])  # ridge and mean see rows 536 on and the training part
    for name in ("ridge", "mean"):
        np.testing.assert_allclose(first.methods[name](origins), second.methods[name](origins))
