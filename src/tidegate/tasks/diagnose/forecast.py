"""A forecaster opened for examination, or trained again with other options."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from tidegate.core.errors import DataError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.windows import origins as part_origins
from tidegate.diagnose.evidence import Case
from tidegate.nn.network import build_network
from tidegate.tasks.diagnose.trainee import verdicts
from tidegate.tasks.forecast.budget import fill_budget
from tidegate.tasks.forecast.choices import make_choices
from tidegate.tasks.forecast.evaluate import needed_rows
from tidegate.tasks.forecast.examples import BatchLoss, gather
from tidegate.train.losses import ForecastLoss

COLUMNS = ("known", "observed", "static")


def make_case(model: Any) -> Case:
    """The case of a fitted forecaster; see `tidegate.diagnose.evidence.Case`."""
    fitted = model.fitted_.held_out
    if model.pretrained is True:
        raise DataError(tr("nothing was trained (pretrained=True): there is no training to examine"))
    table, spec, decoding = fitted.table, fitted.spec, fitted.decoding
    choices = make_choices(model, table, fitted.split.train)
    rows = needed_rows(model)
    origins = {
        part: part_origins(table, fitted.split, part, window=rows, horizon=decoding.horizon)
        for part in fitted.split.parts
    }
    brief = spec.find("skip") is not None
    options = fill_budget(choices.training, choices.auto, len(origins["train"]), [], brief=brief)
    network = fitted.network
    network.eval()
    point: Any = choices.loss if choices.point else None
    schema = table.schema
    return Case(
        table=table,
        split=fitted.split,
        prepared=fitted.prepared,
        network=network,
        fresh=lambda: build_network(spec),
        batch=lambda chosen: gather(fitted.prepared, chosen, spec),
        loss=BatchLoss(spec, ForecastLoss(point, choices.quantiles)),
        forecast=lambda chosen: fitted.forecast(chosen).mean,
        point=0 if choices.point else decoding.quantiles.index(0.5),
        origins=origins,
        window=spec.window,
        horizon=decoding.horizon,
        history=fitted.history,
        options=options,
        verdicts=partial(verdicts, model),
        config=model.flat_options() | _resolved(fitted) | {name: list(getattr(schema, name)) for name in COLUMNS},
        loss_name=choices.loss,
    )


def _resolved(fitted: Any) -> dict[str, Any]:
    """What stands for options that were left to validation, so that no remedy proposes what is there already."""
    found = fitted.spec.find("normalise")
    return {"normalise": None if found is None else found.by}


def retrained(model: Any, changes: Mapping[str, Any]) -> Any:
    """A new forecaster with some options changed, fitted on the same table and parts.

    Args:
        model: the fitted forecaster. changes: constructor arguments, or the columns `known`, `observed`, `static`.

    Raises:
        ConfigError, SplitError, TrainingError: the changed options cannot work.
    """
    from tidegate.tasks.forecast import fit as fitting

    columns = {name: tuple(changes[name]) for name in COLUMNS if name in changes}
    options = {name: value for name, value in changes.items() if name not in columns}
    other = model.variant(options)
    other.check()
    table: Table = model.fitted_.table
    if columns:
        table = copy.copy(table)
        named: dict[str, Any] = columns
        object.__setattr__(table, "schema", replace(table.schema, **named))
    choices = make_choices(other, table, model.fitted_.split.train)
    other.reading_ = model.reading_
    other._like = getattr(model, "_like", None)
    other._take(fitting.fit(table, model.fitted_.split, choices))
    return other
