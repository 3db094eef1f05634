"""A forecaster's run taken up again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tidegate.core.table import Table
from tidegate.data import read, split
from tidegate.data.split import Split
from tidegate.nn.network import build_network
from tidegate.tasks.forecast.build import make_plan
from tidegate.tasks.forecast.choices import make_choices
from tidegate.tasks.forecast.fit import ForecastFitted
from tidegate.tasks.forecast.frame import learnable
from tidegate.tasks.open import Stored
from tidegate.tasks.run import SELECTED
from tidegate.train.run import TorchRun


def take_up(model: Any, stored: Stored, data: Any) -> None:
    """Give a loaded forecaster its data, its parts and its history.

    Raises:
        ArtifactError: the run does not say where its data are.
        DataError: the data cannot be read, or are not those of the training.
    """
    given = stored.given(data)
    whole = given if isinstance(given, Table) else read(given, **stored.reading)
    table = learnable(whole)
    stored.check(table, given)
    parts = split(table, **stored.split, window=model.spec_.window, horizon=model.decoding_.horizon)
    fitted = _fit_of(model, table, parts, stored)
    if (stored.folder / SELECTED).is_dir():
        before = type(model).load(stored.folder / SELECTED)
        fitted = replace(fitted, selected=_fit_of(before, table, parts, stored))
    model.fitted_, model.history_, model.notes_, model.context_ = fitted, fitted.history, stored.notes, whole
    model.run_ = TorchRun(fitted.network).windows


def _fit_of(model: Any, table: Table, parts: Split, stored: Stored) -> ForecastFitted:
    """The fit that a loaded forecaster came from."""
    return ForecastFitted(
        network=build_network(model.spec_, model.model_.weights),
        histories=(stored.history(),),
        notes=stored.notes,
        table=table,
        split=parts,
        preparation=model.preparation_,
        prepared=model.preparation_.apply(table),
        plan=make_plan(table, parts, make_choices(model, table, parts.train), model.preparation_),
        decoding=model.decoding_,
    )
