"""What "auto" and None stand for."""

from __future__ import annotations

import numpy as np
import pytest

import tidegate as tg
from tidegate.core.table import Note
from tidegate.tasks.forecast.build import make_plan
from tidegate.tasks.forecast.choices import BUDGET, choose_window, fill_budget, make_choices
from tidegate.tasks.options import FitOptions


def weekly(rows: int) -> np.ndarray:
    """Hours without times: a day within a week, and a little noise."""
    hour = np.arange(rows)
    noise = np.random.default_rng(0).normal(0, 0.1, rows)
    return np.sin(2 * np.pi * hour / 24) * (1 + (hour // 24 % 7 < 5)) + noise


def test_rows_without_times_get_the_day_and_the_week_that_they_follow() -> None:
    table = tg.read(weekly(3000))
    parts = tg.split(table, window=336, horizon=24)
    model = tg.Forecaster(horizon=24, window=336)
    choices = make_choices(model, table, parts.train)
    preparation = tg.Preparation.fit(table, parts.train, choices.preparation)
    plan = make_plan(table, parts, choices, preparation)
    assert {24, 168} <= set(plan.lags)


def test_the_window_of_an_hourly_series_is_a_week_and_found_in_the_training_part_alone() -> None:
    values = weekly(3000)
    table = tg.read(values)
    train = tg.split(table, window=1, horizon=24).train
    window = make_choices(tg.Forecaster(horizon=24), table, train).window
    perturbed = values.copy()
    perturbed[train[0, 1] :] = np.random.default_rng(1).normal(0, 50, len(values) - train[0, 1])
    assert window == 168
    assert make_choices(tg.Forecaster(horizon=24), tg.read(perturbed), train).window == window


@pytest.mark.parametrize(
    ("seasons", "horizon", "rows", "window"),
    [
        ((24, 168), 24, 20_000, 168),
        ((1,), 5, 3_500, 32),
        ((12,), 12, 100, 24),
        ((1,), 4, 9, 2),
        ((24, 168), 24, 630, 120),
    ],
)
def test_a_window_fits_the_rows_and_the_season(seasons: tuple[int, ...], horizon: int, rows: int, window: int) -> None:
    assert choose_window(seasons, horizon, rows) == window


def test_little_data_gets_small_batches_and_many_epochs_and_much_data_a_cut_epoch() -> None:
    notes: list[Note] = []
    little = fill_budget(FitOptions(), BUDGET, 499, notes)
    much = fill_budget(FitOptions(), BUDGET, 5_000_000, notes)
    assert (little.batch_size, little.max_epochs, little.patience) == (16, 94, 23)
    assert (much.batch_size, much.max_epochs, much.steps_per_epoch, much.patience) == (64, 10, 2_000, 5)
    assert len(notes) == 2
    assert fill_budget(FitOptions(max_epochs=3), ("batch_size",), 10_000, notes).max_epochs == 3
