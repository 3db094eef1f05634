"""Monitoring: quiet years keep to the budget, changes are found, and the mathematics is that of others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.signal import lfilter

import tidegate as tg
from tests.tasks.forecast.models import write_csv
from tidegate.cli.main import run as command
from tidegate.core.errors import ConfigError
from tidegate.deploy.drift.check import Adwin, PageHinkley, distance, held, level_of, stability, two_sided
from tidegate.deploy.drift.monitor import monitor
from tidegate.prepare.profile import Clock, Profile

HOUR = np.timedelta64(1, "h")


def quiet(rng: np.random.Generator, shape: tuple[int, ...], phi: float = 0.7, cycle: int = 4) -> np.ndarray:
    """Seasonal, autocorrelated and nothing more."""
    noise = rng.normal(size=(*shape[:-1], shape[-1] + 100))
    rest = lfilter([np.sqrt(1 - phi**2)], [1, -phi], noise, axis=-1)[..., 100:]
    return np.asarray(rest + 2 * np.sin(np.arange(shape[-1]) * 2 * np.pi / cycle))


@pytest.mark.parametrize(
    ("years", "least", "most"), [(12, 0.4, 1.7), pytest.param(500, 0.75, 1.25, marks=pytest.mark.slow)]
)
def test_the_quiet_years_of_many_columns_keep_to_the_budget(years: int, least: float, most: float) -> None:
    """Two years to learn from, one to watch, 50 columns with four rows a day: one false alarm a year.

    Of few years the bounds are those that chance allows.
    """
    rng, columns = np.random.default_rng(0), 50
    step = np.timedelta64(6, "h")
    time = np.datetime64("2020-01-06T00:00", "us") + np.arange(3 * 1460) * step
    clock = Clock(28, 28, int(step / np.timedelta64(1, "us")))
    alpha, alarms = level_of(clock, columns * 3, 1.0), 0
    for _ in range(years):
        for own in quiet(rng, (columns, len(time))):
            profile = Profile.of(own[:2920], time[:2920], clock)
            blocks = profile.statistics(own[2920:], time[2920:])
            alarms += sum(int(test.alarms.sum()) for test in held(profile, blocks, alpha * 3, ("x", "")))
    assert least <= alarms / years <= most


@pytest.mark.parametrize("change", ["shift", "variance", "frozen"])
def test_a_change_is_found_within_two_weeks(change: str) -> None:
    rng = np.random.default_rng(1)
    time = np.datetime64("2024-01-01T00:00", "us") + np.arange(40 * 168) * HOUR
    x = 50 + 5 * quiet(rng, (len(time),), 0.9, 24)
    cut = 30 * 168
    profile = Profile.of(
        x[:cut], time[:cut], Clock.of(tg.data.read({"time": time, "y": x}, target="y").frequency, True, cut)
    )
    assert (profile.clock.season, profile.clock.block) == (168, 168)
    alpha = level_of(profile.clock, 3, 1.0)
    begin = cut + 2 * 168 + 50
    y = x.copy()
    if change == "shift":
        y[begin:] += x[:cut].std()
    if change == "variance":
        usual = profile.mean[profile.clock.phases(time)]
        y[begin:] = usual[begin:] + 2 * (y[begin:] - usual[begin:])
    if change == "frozen":
        y[begin:] = y[begin]
    tests = held(profile, profile.statistics(y[cut:], time[cut:]), alpha * 3, ("y", ""))
    first = min(int(np.argmax(test.alarms)) for test in tests if test.alarms.any())
    assert 2 <= first <= 3
    still = held(profile, profile.statistics(x[cut:], time[cut:]), alpha * 3, ("y", ""))
    assert not any(test.alarms.any() for test in still)


def test_the_mathematics_is_that_of_others() -> None:
    t = np.array([0.0, 0.5, -1.7, 3.2, 8.0, 40.0, np.nan])
    for freedom in (1, 4, 30, 300):
        assert np.allclose(two_sided(t, freedom), 2 * stats.t.sf(np.abs(t), freedom), rtol=1e-9, equal_nan=True)
    rng = np.random.default_rng(0)
    before, now = rng.normal(size=5000), rng.normal(0.3, 1.2, size=800)
    grid = np.quantile(before, np.linspace(0, 1, 101))
    assert distance(grid, now) == pytest.approx(stats.ks_2samp(before, now).statistic, abs=0.01)
    edges = np.quantile(before, np.linspace(0, 1, 11)[1:-1])
    share = np.bincount(np.digitize(now, edges), minlength=10) / len(now)
    assert stability(grid, now) == pytest.approx(float(((share - 0.1) * np.log(share / 0.1)).sum()), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_detectors_of_a_change_are_those_of_river(seed: int) -> None:
    drift = pytest.importorskip("river.drift")
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(0, 1, 1500), rng.normal(1 + 0.3 * seed, 1, 1500)])
    theirs, ours = drift.PageHinkley(min_instances=30, delta=0.005, threshold=50, alpha=0.9999), PageHinkley()
    window, adwin = drift.ADWIN(), Adwin()
    found: dict[str, list[int]] = {"ph": [], "our ph": [], "adwin": [], "our adwin": []}
    for place, value in enumerate(values.tolist()):
        theirs.update(value)
        window.update(value)
        flags = (theirs.drift_detected, ours.update(value), window.drift_detected, adwin.update(value))
        for name, flag in zip(found, flags, strict=True):
            if flag:
                found[name].append(place)
    assert found["our ph"] == found["ph"]
    assert found["our adwin"][0] == found["adwin"][0]  # they then drop the older part in another number of steps
    assert adwin.mean == pytest.approx(window.estimation, abs=0.1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of an hourly table, and the rows after it: as before, and shifted."""
    folder = tmp_path_factory.mktemp("drift")
    rows, known = 900, 700
    time = np.datetime64("2024-01-01T00:00") + np.arange(rows) * HOUR
    y = 50 + 5 * quiet(np.random.default_rng(3), (rows,), 0.5, 24)
    parts: dict[str, Any] = {
        "old": (slice(known), y),
        "same": (slice(known, None), y),
        "other": (slice(known, None), y + 8),
    }
    for name, (part, values) in parts.items():
        write_csv(folder / f"{name}.csv", {"time": time[part], "y": values[part].round(3)})
    model = tg.Forecaster(
        horizon=4, window=24, hidden_size=4, max_epochs=1, pretrained=False, training={"steps_per_epoch": 5}
    )
    model.fit(str(folder / "old.csv"), time="time", target="y", out=folder / "run", progress=False)
    return folder


def test_the_command_says_what_drifts_in_words_pictures_gauges_and_its_exit_code(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(["monitor", str(run / "run"), str(run / "same.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {(column["kind"], column["name"]) for column in found["columns"]} == {("input", "y"), ("prediction", "y")}
    assert found["errors"][0]["before"] > 0
    words = [str(run / "run/model"), str(run / "other.csv"), "--out", str(run / "page.html")]
    assert command(["monitor", *words, "--prometheus", str(run / "tidegate.prom")]) == 1
    assert "input y: its level is out of the ordinary" in capsys.readouterr().out
    page = (run / "page.html").read_text("utf-8")
    assert page.count("<svg") == 4
    assert "Something has drifted" in page
    text = (run / "tidegate.prom").read_text()
    assert 'tidegate_drift{model="run",kind="input",column="y",series="",statistic="level"} 1' in text
    assert 'tidegate_drifted{model="run"} 1' in text


def test_values_that_come_later_and_models_of_no_table(run: Path, tmp_path: Path) -> None:
    lines = (run / "same.csv").read_text().splitlines()
    blank = [lines[0], *(f"{line.partition(',')[0]}," for line in lines[100:])]
    part = tmp_path / "blank.csv"
    part.write_text("\n".join(lines[:100] + blank[1:]) + "\n")
    late = monitor(run / "run", part, actuals=run / "same.csv")
    whole = monitor(run / "run", run / "same.csv")
    assert late.errors[0].now > 0
    assert whole.rows == late.rows
    sequences = [np.random.default_rng(k).normal(size=(6, 1)) for k in range(20)]
    model = tg.Regressor(hidden_size=2, max_epochs=1, network={"branch": ()})
    saved = model.fit(sequences, np.arange(20.0), progress=False).save(tmp_path / "m")
    with pytest.raises(ConfigError, match="looks at tables"):
        monitor(saved, run / "same.csv")
    old = Path(__file__).parents[1] / "runtime/fixtures/model"
    with pytest.raises(ConfigError, match="without a profile"):
        monitor(old, run / "same.csv")
