"""Nothing after the training part reaches preparation and weights, nothing after an origin its forecast."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.tasks.forecast.models import RICH_COLUMNS, RICH_ROWS, fitted_rich, means, quick, rich, rich_future
from tidegate.data import read
from tidegate.runtime.forecast.decode import forecast

CHOICES: list[dict[str, Any]] = [
    {},
    {"normalise": "auto", "network": {"anchor": "auto"}, "window": None, "training": {"steps_per_epoch": 2}},
    {"fill": "linear", "scale": "robust", "scale_by": "shared"},
    {"fill": "bfill", "preparation": {"target_transform": "difference", "difference_lag": 3}},
    {"fill": "seasonal", "scale": "minmax", "preparation": {"mask": True}},
]


def perturbed(part: float, seed: int = 0) -> dict[str, np.ndarray]:
    """`rich` with other values in every row from a share of each series on."""
    table, rng = rich(), np.random.default_rng(seed)
    late = np.tile(np.arange(RICH_ROWS) >= round(RICH_ROWS * part), 2)
    for name in ("y", "heat", "wind"):
        noise = 1000 * rng.normal(size=late.sum()) ** 3
        noise[rng.random(late.sum()) < 0.2] = np.nan
        noise[[late.sum() // 2 - 1, -1]] = 1000.0  # rows at the end without a target would be the future
        if name == "heat":
            noise = np.nan_to_num(noise)
        table[name] = table[name].copy()
        table[name][late] = noise
    table["weather"] = table["weather"].copy()
    table["weather"][late] = "hail"
    return table


@pytest.mark.parametrize("options", CHOICES, ids=str)
def test_the_test_part_leaves_everything_learned_bit_identical(options: dict[str, Any]) -> None:
    models = [
        quick(level=80, **options).fit(table, **RICH_COLUMNS, progress=False) for table in (rich(), perturbed(0.8))
    ]
    clean, dirty = models
    assert clean.preparation_.to_json() == dirty.preparation_.to_json()
    assert clean.spec_ == dirty.spec_
    state, other = (model.fitted_.network.state_dict() for model in models)
    assert all(torch.equal(state[name], other[name]) for name in state)
    for one, two in zip(clean.history_, dirty.history_, strict=True):
        assert (one.train_loss, one.validation_loss) == (two.train_loss, two.validation_loss)
    assert np.array_equal(clean.decoding_.calibration, dirty.decoding_.calibration)
    assert clean.evaluate().overall["model"]["mae"] != dirty.evaluate().overall["model"]["mae"]


def test_the_validation_part_leaves_the_preparation_bit_identical() -> None:
    clean, dirty = (quick().fit(table, **RICH_COLUMNS, progress=False) for table in (rich(), perturbed(0.7)))
    assert clean.preparation_.to_json() == dirty.preparation_.to_json()
    assert clean.history_.epochs[0].train_loss == dirty.history_.epochs[0].train_loss
    assert clean.history_.epochs[0].validation_loss != dirty.history_.epochs[0].validation_loss


@pytest.mark.parametrize("options", [{}, CHOICES[2], CHOICES[3], CHOICES[4]], ids=str)
def test_what_comes_after_an_origin_does_not_change_its_forecast(options: dict[str, Any]) -> None:
    """Known-ahead covariates excepted: they are known."""
    model = quick(level=80, **options).fit(rich(), **RICH_COLUMNS, progress=False)
    given = {name: value for name, value in RICH_COLUMNS.items() if name != "time"}
    clean = read(rich(), time="time", **given)
    rng = np.random.default_rng(0)
    for place in (40, 200, RICH_ROWS - 6):
        origin = np.array([place, RICH_ROWS + place])
        dirty = rich()
        late = np.tile(np.arange(RICH_ROWS) >= place, 2)
        for name in ("y", "wind"):
            dirty[name] = np.where(late, rng.normal(size=2 * RICH_ROWS) * 1e4, dirty[name])
            dirty[name][late & (rng.random(2 * RICH_ROWS) < 0.3)] = np.nan
        found = []
        for table in (clean, read(dirty, time="time", **given)):
            prepared = model.preparation_.apply(table)
            found.append(forecast(model.run_, model.spec_, model.decoding_, prepared, origin))
        assert np.array_equal(found[0].mean, found[1].mean)
        assert np.array_equal(found[0].quantiles, found[1].quantiles)


def test_one_series_does_not_reach_into_another() -> None:
    model, table = fitted_rich(), rich(120)

    future = rich_future(120)
    base = means(model.predict(table, future=future))
    table["y"][:120] *= 50
    moved = means(model.predict(table, future=future))
    assert not np.allclose(base[:6], moved[:6])
    assert np.array_equal(base[6:], moved[6:])
