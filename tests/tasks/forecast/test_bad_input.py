"""Bad input through the library: an error of ours that names the place, and nothing left behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tidegate as tg
from tests.tasks.audit.spoiled import CASES, GOOD, write
from tests.tasks.forecast.models import QUICK, fitted_plain, hours, made, means, plain, quick, wave
from tidegate.core.errors import OutputError, SplitError

PERSISTENT = {"checkpoints"}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    out = tmp_path / "run"
    options: dict[str, Any] = {**QUICK, **case.options}
    options.setdefault("network", {"anchor": 0})
    with pytest.raises(tg.TidegateError, match=f"(?s){case.says}") as caught:
        made(options).fit(write(case, tmp_path), **case.columns, **case.parts, out=out, progress=False)
    text = str(caught.value)
    assert 20 < len(text) < 700
    assert "Traceback" not in text
    assert not out.exists() or {entry.name for entry in out.iterdir()} <= PERSISTENT


def test_the_same_file_without_the_fault_is_fine(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(GOOD)
    quick().fit(tmp_path / "table.csv", out=tmp_path / "run", progress=False)
    names = {"config.toml", "history.csv", "metrics.json", "predictions.parquet", "model", "checkpoints"}
    names |= {"baselines.safetensors"}
    assert {entry.name for entry in (tmp_path / "run").iterdir()} == names
    np.testing.assert_allclose(
        means(tg.load(tmp_path / "run").predict()),
        means(quick().fit(tmp_path / "table.csv", progress=False).predict()),
        rtol=1e-5,
    )


def test_an_output_folder_that_cannot_be_written_is_told_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    model = quick()
    with pytest.raises(OutputError, match=r"cannot write .*file/run"):
        model.fit(plain(200), out=tmp_path / "file" / "run", progress=False)
    assert not hasattr(model, "history_")


def test_predicting_from_what_is_bad_is_refused() -> None:
    model = fitted_plain()
    table = plain(40)
    spoiled: list[tuple[dict[str, Any], str]] = [
        ({"time": table["time"]}, "'y'"),
        ({"y": table["y"]}, "'time'"),
        ({**table, "y": np.where(np.arange(40) == 5, np.inf, table["y"])}, "y"),
        ({**table, "y": np.full(40, "x", dtype=object)}, "y"),
        ({name: values[:3] for name, values in table.items()}, "3 rows"),
        ({name: values[::-1] for name, values in table.items()}, "repair"),
        ({**table, "time": hours(40).astype("datetime64[D]")}, "time|2024"),
    ]
    for data, text in spoiled:
        with pytest.raises(tg.TidegateError, match=text):
            model.predict(data)
    daily = {"time": np.datetime64("2024-01-01") + np.arange(40), "y": wave(40)}
    with pytest.raises(tg.TidegateError, match="grid of step h"):
        model.predict(daily)


def test_evaluating_too_few_rows_is_refused() -> None:
    with pytest.raises(SplitError, match=r"nothing to score: the longest series has 14 rows.*12 past and 6 future"):
        fitted_plain().evaluate(plain(14))


@given(
    rows=st.integers(0, 90),
    gaps=st.floats(0, 1),
    value=st.sampled_from([0.0, -1e30, 1e30, 1e-300, 5.0]),
    flat=st.booleans(),
    options=st.fixed_dictionaries(
        {
            "horizon": st.integers(1, 8),
            "window": st.one_of(st.none(), st.integers(1, 30)),
            "fill": st.sampled_from(["ffill", "linear", "none"]),
            "scale": st.sampled_from(["standard", "minmax", "robust", "none"]),
            "normalise": st.sampled_from([None, "standard", "scale"]),
        }
    ),
    transform=st.sampled_from(["none", "log1p", "difference"]),
    validation=st.sampled_from([0.1, 5, 0.5]),
)
@settings(max_examples=40)
def test_any_table_gives_a_forecast_or_a_clear_error(
    rows: int, gaps: float, value: float, flat: bool, options: dict[str, Any], transform: str, validation: Any
) -> None:
    rng = np.random.default_rng(rows)
    y = np.full(rows, value) if flat else rng.normal(size=rows) + value
    y[rng.random(rows) < gaps / 2] = np.nan
    model = quick(**options, preparation={"target_transform": transform}, hidden_size=3, batch_size=64)
    try:
        model.fit({"time": hours(rows), "y": y}, validation=validation, progress=False)
        found = means(model.predict())
    except tg.TidegateError as error:
        assert len(str(error)) > 20  # noqa: PT017
        return
    assert np.isfinite(found).all()
    assert len(found) == options["horizon"]
