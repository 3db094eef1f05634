"""A forecaster opened for examination, or trained again with other options."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError, SplitError
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.data.windows import origins as part_origins
from tidegate.diagnose.evidence import Case
from tidegate.nn.network import build_network
from tidegate.tasks.diagnose.trainee import Trainee, verdicts
from tidegate.tasks.forecast.choices import FINE_TUNE, fill_budget, make_choices
from tidegate.tasks.forecast.evaluate import needed_rows
from tidegate.tasks.forecast.examples import BatchLoss, gather
from tidegate.train.losses import ForecastLoss

COLUMNS = ("known", "observed", "static")
FEWEST = 8  # windows of a validation part that do not overlap, by which options are chosen
FOLDS, LARGEST = 4, 5_000  # rolling origins in their place, for tables of at most so many rows


def make_evidence(model: Any) -> tuple[Case]:
    """What a diagnosis of a forecaster looks at."""
    return (make_case(model),)


def make_case(model: Any) -> Case:
    """The case of a fitted forecaster; see `tidegate.diagnose.evidence.Case`."""
    fitted = model.fitted_.held_out
    if model.pretrained is True:
        raise DataError(tr("nothing was trained (pretrained=True): there is no training to examine"))
    if model.pretrained == FINE_TUNE:
        raise DataError(
            tr("a fine-tuned pretrained forecaster is not examined: a diagnosis is for trainings from the beginning")
        )
    table, spec, decoding = fitted.table, fitted.spec, fitted.decoding
    choices = make_choices(model, table, fitted.split.train)
    origins = windows_of(model)
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


def windows_of(model: Any) -> dict[str, NDArray[np.int64]]:
    """Part -> [M] first forecast rows of its windows."""
    fitted, rows = model.fitted_.held_out, needed_rows(model)
    return {
        part: part_origins(fitted.table, fitted.split, part, window=rows, horizon=fitted.decoding.horizon)
        for part in fitted.split.parts
    }


class ForecastTrainee(Trainee):
    """A fitted forecaster. `rolling`: whether its options are chosen by rolling origins; None until it is scored."""

    rolling: bool | None = None

    def __init__(self, model: Any, parts: Sequence[str] | None = None) -> None:
        if parts is None:
            origins = windows_of(model)
            parts = [part for part in ("validation", "test") if len(origins.get(part, ()))]
        super().__init__(model, parts)

    def retrained(self, changes: Mapping[str, Any]) -> ForecastTrainee:
        """The same with some options changed, scored in the same way."""
        found = ForecastTrainee(self.model.retrained(changes), self.parts)
        found.rolling = self.rolling
        return found

    def value(self, part: str) -> float:
        """The criterion of a part; no ridge regression is fitted for it.

        Where the validation part is short, its mean over the last origins of training and validation part, each
        forecast by a training of its own on what comes before: two or three windows choose by luck.

        Raises:
            SplitError: with these options no window fits where others were scored at such origins.
        """
        if part == "validation" and self._few() and self.rolling is not False:
            try:
                error, self.rolling = self._rolling_error(), True
            except SplitError:
                if self.rolling:
                    raise
                self.rolling = False
            else:
                return error
        found = self.model.evaluate(part=part, ridge=False)
        return float(found.overall["model"][found.criterion])

    @property
    def independent(self) -> int:
        """How many windows that do not overlap the validation score is made of."""
        return FOLDS if self.rolling else self._rows() // int(self.model.decoding_.horizon)

    def _rows(self) -> int:
        return int(np.diff(self.model.fitted_.held_out.split.validation).sum())

    def _few(self) -> bool:
        """Whether the validation part has too few windows to choose by, and the table is small."""
        fitted = self.model.fitted_.held_out
        return self._rows() < FEWEST * fitted.decoding.horizon and len(fitted.table) <= LARGEST

    def _rolling_error(self) -> float:
        from tidegate.tasks.resample.backtest import backtest

        fitted, K = self.model.fitted_.held_out, self.model.decoding_.horizon
        seen = fitted.split.together().train
        rows = np.concatenate([np.arange(a, b) for a, b in seen.tolist()])
        table = fitted.table.cut(np.arange(len(seen)), rows, seen[:, 1] - seen[:, 0])
        model = self.model.variant({"horizon": K, "preset": None, "time_limit": None})
        sizes = {"folds": FOLDS, "test_size": K, "validation": max(K, len(rows) // len(seen) // 10)}
        tested: Any = backtest(model, table, ridge=False, progress=False, **sizes)
        found = tested.scores
        return float(np.mean(found.per_fold["model"][found.criterion]))
