"""tg.forecast: frames, many series, the verdict on a series' own end, and the share of simple methods."""

import numpy as np
import polars as pl
import pytest

import tidegate as tg
from tidegate.core.errors import ConfigError, DataError
from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import load_network
from tidegate.tasks.forecast.small.self_check import backtest, check_end


def monthly(n: int = 120, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    t = np.arange(n)
    y = np.exp(4 + 0.01 * t + 0.2 * np.sin(t * 2 * np.pi / 12) + 0.02 * rng.normal(size=n))
    time = np.datetime64("2010-01", "M") + t
    return pl.DataFrame({"time": time.astype("datetime64[us]"), "sales": y})


def test_a_frame_comes_back_with_times_and_quantiles() -> None:
    data = monthly()
    found = tg.forecast(data, horizon=6)
    frame = found.frame()
    assert frame.columns == ["time", "mean", *(f"q0.{i}" for i in range(1, 10))]
    months = pl.datetime_range(pl.datetime(2020, 1, 1), pl.datetime(2020, 6, 1), "1mo", eager=True)
    assert frame["time"].to_list() == months.to_list()
    assert frame["mean"].to_list() == frame["q0.5"].to_list()
    assert found.seasons == {"": (12,)}
    truth = monthly(126)["sales"].to_numpy()[120:]
    naive = data["sales"].to_numpy()[-12:-6]
    assert np.abs(frame["mean"].to_numpy() - truth).mean() < 0.5 * np.abs(naive - truth).mean()


def test_without_adapting_it_is_what_the_network_says() -> None:
    data = monthly()
    plain = tg.forecast(data, horizon=6, adapt=False, check=False)
    alone = run(load_network(), [data["sales"].to_numpy()], 6, (12,))
    np.testing.assert_array_equal(plain.columns()["q0.3"], alone.quantiles[0, :, 2])
    assert plain.check.key == "unasked"


def test_several_series_and_targets_keep_their_names() -> None:
    twice = pl.lit(1.0).add(pl.col("sales")).alias("b")
    frames = [monthly(60, seed).with_columns(pl.lit(name).alias("unique_id"), twice) for seed, name in enumerate("yx")]
    found = tg.forecast(pl.concat(frames), horizon=3, target=["sales", "b"], series="unique_id")
    rows = found.frame()
    assert rows["unique_id"].to_list() == ["x"] * 6 + ["y"] * 6 or rows["unique_id"].to_list() == ["y"] * 6 + ["x"] * 6
    assert rows["target"].to_list() == ["sales", "b"] * 6
    np.testing.assert_allclose(
        rows.filter(pl.col("target") == "b")["mean"].to_numpy(),
        rows.filter(pl.col("target") == "sales")["mean"].to_numpy() + 1,
        rtol=1e-3,
    )
    assert found.check.metric == "MASE"
    assert found.check.series == 4


def test_the_verdict_names_the_rows_and_the_best_simple_method() -> None:
    found = tg.forecast(monthly(), horizon=6)
    check = found.check
    assert check.key in ("beats", "tie", "loses")
    assert check.origins == 5
    assert {"pretrained", "repeat_last", "seasonal_naive_12", "mean", "ridge", "ridge_seasonal"} == set(check.scores)
    text = check.text("en")
    assert text.startswith("Checked on the last 30 rows (5 origins of 6 rows, 1 series): the pretrained forecaster ")
    assert check.scores["pretrained"] < check.scores["seasonal_naive_12"]
    # the errors of the seasonal repeat, by hand
    y = monthly()["sales"].to_numpy()
    errors = [np.abs(y[e - 12 : e - 6] - y[e : e + 6]).mean() for e in (90, 96, 102, 108, 114)]
    assert check.scores["seasonal_naive_12"] == pytest.approx(np.mean(errors))
    assert "檢驗" in check.text("zh_TW")


def test_what_comes_at_an_origin_does_not_choose_its_weights() -> None:
    y = monthly()["sales"].to_numpy()
    other = y.copy()
    other[-6:] *= 3
    shares = [backtest(load_network(), [values], 6, (12,)).shares(1) for values in (y, other)]
    np.testing.assert_allclose(*shares)
    assert shares[0].sum() == pytest.approx(1.0)
    with_it = backtest(load_network(), [other], 6, (12,)).shares(0)
    assert np.abs(with_it - shares[0]).max() > 0.01


def test_a_method_that_is_right_takes_over() -> None:
    """A line: drift is exact, and the blend must come near it."""
    y = np.arange(80.0) ** 1.5
    tested = backtest(load_network(), [y], 5, ())
    plain, adapted = (check_end(tested, 5, adapt).scores["pretrained"] for adapt in (False, True))
    assert adapted <= plain


def test_a_short_series_is_forecast_but_not_judged() -> None:
    found = tg.forecast(monthly(20), horizon=12)
    assert len(found.frame()) == 12
    assert found.check.key == "short"
    assert "too short" in str(found)


def test_many_series_are_judged_on_a_sample() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(60)
    wide = {f"s{i}": 10 + i + np.sin(t * 2 * np.pi / 7) + 0.1 * rng.normal(size=60) for i in range(230)}
    found = tg.forecast(pl.DataFrame(wide), horizon=7, time=False, wide=True)
    assert len(found.frame()) == 230 * 7
    assert found.check.series == 200
    assert found.check.key == "beats"


def test_mistakes_are_named() -> None:
    with pytest.raises(ConfigError, match="horizon is 0"):
        tg.forecast(monthly(), horizon=0)
    with pytest.raises(DataError, match="has 5 observed values"):
        tg.forecast(monthly(5), horizon=2)
    with pytest.raises(ConfigError, match="Table already"):
        tg.forecast(tg.read(monthly()), horizon=2, target="sales")


def test_covariates_are_named_as_unused() -> None:
    data = monthly().with_columns(pl.lit(1.0).alias("price"))
    found = tg.forecast(data, horizon=2, target="sales", observed=["price"])
    assert [note.values["names"] for note in found.notes if note.kind == "unused"] == ["price"]


def test_what_is_known_ahead_is_added_where_it_helps() -> None:
    rng = np.random.default_rng(3)
    price = np.where(rng.random(126) < 0.2, 1.0, 0.0)
    whole = monthly(126).with_columns(pl.Series("price", price))
    whole = whole.with_columns((pl.col("sales") - 40 * pl.col("price")).alias("sales"))
    truth = whole["sales"].to_numpy()[120:]
    blank = pl.when(pl.int_range(pl.len()) < 120).then(pl.col("sales")).alias("sales")
    how = {"horizon": 6, "target": "sales", "check": False}
    found = tg.forecast(whole.with_columns(blank), known=["price"], **how)
    assert found.frame()["time"].to_list() == whole["time"].to_list()[120:]
    assert [note.values["count"] for note in found.notes if note.kind == "effects"] == [1]
    error = np.abs(found.frame()["mean"].to_numpy() - truth).mean()
    plain = tg.forecast(whole.head(120).drop("price"), **how)
    assert error < 0.5 * np.abs(plain.frame()["mean"].to_numpy() - truth).mean()
    given = tg.forecast(whole.head(120), known=["price"], future=whole.tail(6).drop("sales"), **how)
    np.testing.assert_allclose(given.frame()["mean"].to_numpy(), found.frame()["mean"].to_numpy())
    assert "unused" in {note.kind for note in tg.forecast(whole.head(120), known=["price"], **how).notes}


def test_a_covariate_that_says_nothing_adds_nothing() -> None:
    rng = np.random.default_rng(4)
    whole = monthly(126).with_columns(pl.Series("dice", rng.normal(size=126)))
    future = whole.tail(6).drop("sales")
    how = {"horizon": 6, "target": "sales", "check": False}
    found = tg.forecast(whole.head(120), known=["dice"], future=future, **how)
    assert [note.values["count"] for note in found.notes if note.kind == "effects"] == [0]
    plain = tg.forecast(whole.head(120).drop("dice"), **how)
    np.testing.assert_array_equal(found.frame()["mean"].to_numpy(), plain.frame()["mean"].to_numpy())
