"""Fitting and predicting agree on what is past, what is to come, and which series are too short for either."""

import numpy as np
import pandas as pd
import pytest

import tidegate as tg
from tidegate.cli.main import main
from tidegate.core.errors import DataError, SchemaError, SplitError

DAYS = pd.date_range("2024-01-01", periods=80, freq="D")


def small(**options):
    return tg.Forecaster(horizon=3, window=7, hidden_size=4, num_layers=1, max_epochs=1, **options)


def frame(rows=80, price=True):
    days = DAYS[:rows]
    data = pd.DataFrame({"ds": days, "y": np.sin(np.arange(rows)) + 5})
    return data.assign(price=np.arange(rows) % 5 * 1.0) if price else data


def series(lengths):
    parts = [frame(length, price=False).assign(shop=f"s{i}") for i, length in enumerate(lengths)]
    return pd.concat(parts, ignore_index=True)


def test_series_that_are_too_short_are_listed_and_the_rest_is_forecast():
    data = series([60, 4, 50, 2])
    model = small().fit(data, series="shop", progress=False)
    for again in (model.predict(), model.predict(data)):
        assert list(again["shop"].unique()) == ["s0", "s2"]
        note = next(note for note in model.answer_notes_ if note.kind == "short_series")
        assert (note.values["count"], note.values["names"]) == (2, "s1, s3")
    one = small().fit(series([60, 50]), series="shop", progress=False)
    np.testing.assert_allclose(one.predict(series([60, 50]))["mean"], one.predict(series([60, 50, 3]))["mean"])
    with pytest.raises(SplitError, match="series 's0' has 3 rows"):
        one.predict(series([3, 4]))


def test_rows_at_the_end_without_a_target_are_the_future(tmp_path):
    data = frame(60)
    whole = data.copy()
    whole.loc[57:, "y"] = np.nan
    past, future = whole[:57], whole[57:].drop(columns="y")
    model = small(seed=1).fit(past, known=["price"], progress=False)
    expected = model.predict(future=future)
    found = model.predict(whole)
    pd.testing.assert_frame_equal(found, expected)
    assert [note.kind for note in model.answer_notes_] == ["future_rows"]
    same = small(seed=1).fit(whole, known=["price"], progress=False)
    pd.testing.assert_frame_equal(same.predict(), expected)
    assert same.fitted_.split.rows("test") == model.fitted_.split.rows("test")
    same.save(tmp_path / "model")
    np.testing.assert_allclose(np.asarray(tg.load(tmp_path / "model").predict()["mean"]), expected["mean"], rtol=1e-5)
    with pytest.raises(SchemaError, match="have 2 rows at the end"):
        model.predict(whole[:-1])
    with pytest.raises(SchemaError, match="known ahead"):
        model.predict(past)


def test_series_whose_future_is_not_known_are_listed_and_the_rest_is_forecast():
    past = series([60, 60, 60, 60]).assign(price=1.0)
    coming = pd.concat([frame(63)[60:].drop(columns="y").assign(shop=f"s{i}") for i in range(4)], ignore_index=True)
    model = small().fit(past, series="shop", known=["price"], progress=False)
    expected = model.predict(future=coming)
    lacking = coming.drop(index=coming.index[coming["shop"] == "s1"][:1])  # a row of s1, all of s2, a number of s3
    lacking = lacking[lacking["shop"] != "s2"]
    lacking.loc[lacking["shop"] == "s3", "price"] = [1.0, np.nan, 1.0]
    for found in (
        model.predict(future=lacking),
        model.predict(pd.concat([past, lacking.drop(index=lacking.index[lacking["shop"] == "s3"][1:])])),
    ):
        pd.testing.assert_frame_equal(found, expected[expected["shop"] == "s0"])
        note = next(note for note in model.answer_notes_ if note.kind == "no_future")
        assert (note.values["count"], note.values["names"]) == (3, "s1, s2, s3")
    with pytest.raises(SchemaError, match="future has no rows of series 's0'; it has s9"):
        model.predict(future=coming[:3].assign(shop="s9"))


def test_a_template_is_written_filled_in_and_read(tmp_path):
    data = frame(60)
    model = small().fit(data, known=["price"], progress=False)
    model.save(tmp_path / "model")
    data.to_csv(tmp_path / "data.csv", index=False)
    assert main(["predict", str(tmp_path / "model"), "--template", str(tmp_path / "next.csv")]) == 0
    template = pd.read_csv(tmp_path / "next.csv", parse_dates=["ds"])
    assert list(template.columns) == ["ds", "price"]
    assert template["price"].isna().all()
    assert list(template["ds"]) == list(pd.date_range(DAYS[59] + pd.Timedelta(days=1), periods=3, freq="D"))
    assert main(["predict", str(tmp_path / "model"), "--future", str(tmp_path / "next.csv")]) == 2
    template.assign(price=2.0).to_csv(tmp_path / "next.csv", index=False)
    arguments = [
        "predict",
        str(tmp_path / "model"),
        "--future",
        str(tmp_path / "next.csv"),
        "-o",
        str(tmp_path / "f.csv"),
    ]
    assert main(arguments) == 0
    found = pd.read_csv(tmp_path / "f.csv")["mean"]
    np.testing.assert_allclose(found, model.predict(future=template.assign(price=2.0))["mean"], rtol=1e-5)


def test_rows_without_a_target_in_the_middle_are_no_future():
    data = frame(60)
    data.loc[20:30, "y"] = np.nan
    model = small().fit(data, known=["price"], progress=False)
    assert len(model.context_) == 60
    gone = data.copy()
    gone.loc[57:, ["y", "price"]] = np.nan
    with pytest.raises(SchemaError, match="known ahead"):
        model.predict(gone)


def test_text_ahead_that_the_model_does_not_know_is_told():
    data = frame(60).assign(price=np.where(np.arange(60) % 3, "low", "high"))
    model = small().fit(data, known=["price"], progress=False)
    rows = model.future_frame()
    model.predict(future=rows.assign(price=["low", "high", "low"]))
    assert model.answer_notes_ == ()
    model.predict(future=rows.assign(price=["low", "higher", "lowest"]))
    note = next(note for note in model.answer_notes_ if note.kind == "unknown_ahead")
    assert (note.values["count"], note.values["first"]) == (2, "higher")
    with pytest.raises(DataError, match="known-ahead column 'price' is missing"):
        model.predict(future=rows.assign(price=["low", None, "low"]))
    with pytest.raises(SchemaError, match="holds numbers, but text in the past"):
        model.predict(future=rows.assign(price=[1.0, 2.0, 3.0]))
    numbers = small().fit(frame(60), known=["price"], progress=False)
    with pytest.raises(SchemaError, match="is not a number"):
        numbers.predict(future=rows.assign(price=["low", "2", "3"]))
    with pytest.raises(DataError, match="known-ahead column 'price' is missing"):
        numbers.predict(future=rows.assign(price=[1.0, np.nan, 3.0]))


def test_blank_text_ahead_is_told_where_training_had_gaps():
    data = frame(60).assign(price=np.where(np.arange(60) % 3, "low", None))
    model = small().fit(data, known=["price"], progress=False)
    model.predict(future=model.future_frame().assign(price=["low", None, "low"]))
    assert [note.kind for note in model.answer_notes_] == ["blank_ahead"]
