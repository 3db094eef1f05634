"""Each leak is caught, at the place where it is; the honest pipeline passes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.tasks.audit import leaky
from tests.tasks.forecast.models import RICH_COLUMNS, plain, quick, rich
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import catalogue
from tidegate.evaluate.leaks.audit import copied_target
from tidegate.evaluate.leaks.perturb import first_difference
from tidegate.prepare import Preparation
from tidegate.prepare.table.prepared import Prepared
from tidegate.tasks.forecast import fit as fitting

CUTOFF = "2024-01-07 16:00"  # row 160 of 200
LEAKS: dict[str, tuple[type[leaky.Honest], dict[str, Any], dict[str, Any]]] = {
    "scaler": (leaky.ScalerOnEverything, {"stage": "fitted state", "part": "mean_"}, {"part": "mean"}),
    "rolling": (
        leaky.CentredRollingMean,
        {"stage": "inputs", "column": "load", "time": "2024-01-07 14:00", "steps": 2},
        {},
    ),
    "backward": (leaky.BackwardFill, {"stage": "inputs", "column": "load", "time": "2024-01-07 15:00", "steps": 1}, {}),
    "random": (leaky.RandomSplit, {"stage": "training windows"}, {"stage": "windows"}),
    "known": (leaky.TargetKnownAhead, {"stage": "forecasts", "part": "[0]"}, {"stage": "forecasts"}),
    "window": (leaky.OffByOneWindow, {"stage": "forecasts", "part": "[0]"}, {"stage": "forecasts"}),
}


def described(finding: Any) -> dict[str, Any]:
    place = finding.place
    return {"stage": finding.stage, **{n: getattr(place, n) for n in ("column", "time", "steps", "part", "series")}}


@pytest.mark.parametrize("name", LEAKS)
def test_each_leak_is_caught_where_it_is(name: str) -> None:
    kind, expected, as_function = LEAKS[name]
    for subject, place in (
        (kind(), expected),
        (
            leaky.as_function(kind),
            {**expected, "stage": expected["stage"].replace("fitted state", "scaler"), **as_function},
        ),
    ):
        found = tg.audit(subject, leaky.table(), horizon=leaky.HORIZON, cutoff=CUTOFF, **leaky.NAMES)
        assert not found.passed
        first = found.findings[0]
        assert place.items() <= described(first).items()
        assert first.values["cutoff"] == CUTOFF
        assert first.values["sources"] == (("load", "wind") if name == "random" else ("load",))
        assert "A leak" in first.text("en")
        assert "洩漏" in first.text("zh_TW")


@pytest.mark.parametrize("subject", [leaky.Honest(), leaky.as_function(leaky.Honest)], ids=["object", "function"])
def test_the_honest_pipeline_passes(subject: Any) -> None:
    for cutoff in (CUTOFF, 0.5):
        found = tg.audit(subject, leaky.table(), horizon=leaky.HORIZON, cutoff=cutoff, **leaky.NAMES)
        assert found.passed, found.text()
        assert [check.perturbation for check in found.checks] == ["noise", "extremes", "missing"]
        assert not any(check.refused for check in found.checks)
    assert found.to_json()["passed"]


def test_what_is_known_ahead_may_be_seen_and_what_is_observed_may_not() -> None:
    names = {**leaky.NAMES, "known": [], "observed": ["heat", "wind"]}
    found = tg.audit(leaky.Honest(), leaky.table(), cutoff=CUTOFF, **names)
    assert described(found.findings[0])["stage"] == "forecasts"
    assert found.findings[0].values["sources"] == ("heat",)


@pytest.mark.parametrize("shift", [0, 2, -2])
def test_a_known_column_that_is_the_target_is_found(shift: int) -> None:
    """Moved by less than the horizon, it still tells values that are to be forecast; a lag of the horizon does not."""
    table = leaky.table()
    table["plan"] = 3 - 0.5 * np.roll(table["load"], -shift)
    names = {**leaky.NAMES, "known": ["heat", "plan"]}
    found = tg.audit(leaky.Honest(), table, horizon=3, **names)
    assert [finding.key for finding in found.findings] == ["copy"]
    assert found.findings[0].values == {"column": "plan", "target": "load", "shift": shift}
    assert "plan" in found.text("en")
    assert "plan" in found.text("zh_TW")
    assert tg.audit(leaky.Honest(), table, horizon=2, **names).passed == (shift == -2)


def test_a_copy_is_no_matter_of_being_alike() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=500).cumsum()
    series = np.zeros(500, dtype=np.int64)
    assert copied_target(y, y + 0.05 * rng.normal(size=500), series, 5) is None
    assert copied_target(y, np.zeros(500), series, 5) is None
    assert copied_target(y, np.roll(y, 5), series, 5) is None
    assert copied_target(y, np.roll(y, 4), series, 5) == -4


def test_a_pipeline_that_proves_nothing_does_not_pass() -> None:
    found = tg.audit(lambda columns, cutoff: {"forecasts": np.ones(3)}, leaky.table(), **leaky.NAMES)
    assert [finding.key for finding in found.findings] == ["blind"]
    with pytest.raises(DataError, match="differ in 'forecasts'"):
        tg.audit(lambda columns, cutoff: {"forecasts": np.random.rand(3)}, leaky.table(), **leaky.NAMES)  # noqa: NPY002

    def picky(columns: dict[str, np.ndarray], cutoff: Any) -> dict[str, Any]:
        if np.nanmax(columns["load"]) > 1000 or np.isnan(columns["load"]).sum() > 1:
            raise ValueError("too high")
        return {"forecasts": columns["load"][:3]}

    with pytest.raises(DataError, match=r"none of the perturbed copies.*too high"):
        tg.audit(picky, leaky.table(), **leaky.NAMES)
    with pytest.raises(ConfigError, match="function"):
        tg.audit(5, leaky.table(), **leaky.NAMES)


@pytest.mark.parametrize(
    "options", [{}, {"normalise": "auto", "network": {"anchor": "auto"}, "window": None, "fill": "bfill"}], ids=str
)
def test_a_forecaster_passes(options: dict[str, Any]) -> None:
    found = tg.audit(quick(level=80, **options), rich(), **RICH_COLUMNS)
    assert found.passed, found.text()
    assert len({check.cutoff for check in found.checks}) == 4
    assert not any(check.refused for check in found.checks)


def test_a_forecaster_whose_preparation_looks_ahead_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Preparation.fit.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(Preparation, "fit", classmethod(lambda c, t, rows, o=None: original(c, t, t.rows(), o)))
    first = tg.audit(quick(), rich(), **RICH_COLUMNS).findings[0]
    assert (first.stage, first.place.column) == ("the fitted preparation", "y")
    assert set(first.values["sources"]) == {"y", "wind"}


def test_a_forecaster_whose_window_is_off_by_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Prepared.past

    def ahead(self: Prepared, origins: np.ndarray, length: int, out: Any = None) -> np.ndarray:
        ends = self.table.starts[self.table.series_of(origins - 1) + 1]
        return original(self, np.minimum(origins + 1, ends), length, out)

    monkeypatch.setattr(Prepared, "past", ahead)
    first = tg.audit(quick(), plain(), time="time", target="y").findings[0]
    assert (first.stage, first.place.column, first.place.part) == ("the inputs of a forecast", "y", "inputs")


def test_a_forecaster_trained_on_all_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    original = fitting.part_windows

    def everywhere(table: Any, split: Any, part: str, **sizes: Any) -> Any:
        from tidegate.data.split import Split

        return original(table, Split({part: table.rows()}), part, **sizes)

    monkeypatch.setattr(fitting, "part_windows", everywhere)
    assert tg.audit(quick(), plain()).findings[0].stage == "the weights"


def test_differences_are_found_bit_by_bit() -> None:
    one = {"a": [1.0, {"b": np.array([[1.0, np.nan], [3.0, 4.0]])}], "c": "x"}
    assert first_difference(one, {"a": [1.0, {"b": one["a"][1]["b"].copy()}], "c": "x"}) is None
    two = {"a": [1.0, {"b": np.array([[1.0, np.nan], [3.0, np.nextafter(4.0, 5.0)]])}], "c": "x"}
    found = first_difference(one, two)
    assert found is not None
    assert (found.path, found.index, found.count) == (("a", "1", "b"), (1, 1), 1)
    assert first_difference({"a": 1}, {"a": 1, "b": 2}).path == ("b",)  # type: ignore[union-attr]
    assert first_difference([1, "a"], [1, "b"]).path == ("1",)  # type: ignore[union-attr]


def test_a_training_that_does_not_repeat_itself_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    original, times = fitting.fit, iter(range(99))

    def drifting(table: Any, split: Any, choices: Any, **options: Any) -> Any:
        found = original(table, split, choices, **options)
        next(found.network.parameters()).data.add_(next(times))
        return found

    monkeypatch.setattr(fitting, "fit", drifting)
    with pytest.raises(DataError, match="two trainings on the same data differ in 'the weights'"):
        tg.audit(quick(), plain())


@pytest.mark.parametrize(("cutoff", "seen"), [(150, 150), (0.5, 100)])
def test_rows_that_are_only_counted_are_cut_at_their_number(cutoff: float, seen: int) -> None:
    def pipeline(columns: dict[str, np.ndarray], cutoff: Any) -> dict[str, Any]:
        return {"rows": int((columns["row"] < cutoff).sum()), "mean": columns["load"][columns["row"] < cutoff].mean()}

    table = {"load": np.random.default_rng(0).normal(size=200)}
    found = tg.audit(pipeline, table, target="load", time=False, cutoff=cutoff)
    assert found.passed
    assert {check.cutoff for check in found.checks} == {str(seen)}
    for beyond in (0, 200):
        with pytest.raises(ConfigError, match="leaves nothing before it, or nothing after it"):
            tg.audit(pipeline, table, target="load", time=False, cutoff=beyond)


def test_every_stage_has_a_name_in_both_languages() -> None:
    sources = [path.read_text("utf-8") for path in Path(fitting.__file__).parents[1].glob("audit/*.py")]
    stages = {name for source in sources for name in re.findall(r'Stage\("([^"]+)"', source)}
    assert len(stages) > 8
    assert not stages - set(catalogue("zh_TW"))
