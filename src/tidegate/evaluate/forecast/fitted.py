"""The baselines of a training part: fitted once, kept with the run, and applied to any rows of the same columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ArtifactError, DataError
from tidegate.core.table import Note, Table
from tidegate.evaluate.forecast.baselines import (
    Constants,
    Forecast,
    History,
    by_season,
    clock,
    constant,
    from_history,
    intermittent,
    shifts,
)
from tidegate.evaluate.forecast.metrics import seasonal_error
from tidegate.evaluate.forecast.ridge import LIMIT, Gathers, Ridge, Shape, fit_ridges
from tidegate.evaluate.forecast.season import CYCLES, DAYS, Seasons, find_seasons, random_walk
from tidegate.evaluate.forecast.theta import Theta

Criterion = Literal["absolute", "squared"]
Array = NDArray[np.float64]
Rows = NDArray[np.int64]

_SEASONS = 4  # seasonal-naive methods at most
_SEASONAL = 2  # tables of seasonal constants at most
_TARGETS = 10  # targets in which seasons are looked for
FORMAT = 2
_INTERMITTENT = (
    "Demand is intermittent: mostly 0, and at no time that a season tells. Methods are ranked by {metric}, as always "
    "forecasting 0 would win by absolute errors; loss='mse' trains for it."
)


class Parts(Protocol):
    """A split: rows [G, 2] of each series that belong to a part."""

    @property
    def train(self) -> Rows: ...
    @property
    def validation(self) -> Rows: ...


class Prepared(Gathers, Protocol):
    """A prepared table, as `tidegate.prepare` makes it."""

    def raw_target(self, origins: Rows, horizon: int, /) -> Array: ...


@dataclass(frozen=True)
class FittedBaselines:
    """All that the baselines learned from a training part. G series, C targets.

    Attributes:
        ids: [G]. targets: [C]. horizon: K.
        season: steps in a cycle, of the scale; 1 where there is none. seasons: every one found, strongest first.
        naive: season lengths of the seasonal-naive methods.
        constants: mean, median and seasonal ones.
        theta: the Theta method; None in what an earlier version saved. ridges: name -> ridge regression.
        scale, squared_scale: [G, C] in-sample mean absolute (squared) seasonal error; NaN where a series has none.
        walk: whether every target moves like a random walk.
        criterion: "squared" where demand is intermittent, else "absolute".
        notes: which baselines were left out, and why.
    """

    ids: tuple[str, ...]
    targets: tuple[str, ...]
    horizon: int
    season: int
    seasons: tuple[int, ...]
    naive: tuple[int, ...]
    constants: Constants
    theta: Theta | None
    ridges: Mapping[str, Ridge]
    scale: Array
    squared_scale: Array
    walk: bool
    criterion: Criterion
    notes: tuple[Note, ...] = ()

    def apply(self, table: Table, prepared: Prepared, opening: int = 0) -> Baselines:
        """The methods as functions of origins in a table.

        Args:
            table: the one that was fitted on, or another with the same targets. Series are known by their ids; one that
                is not gets the constants of all together, and the scale of its own first rows.
            prepared: the same, prepared.
            opening: of another table, rows of each series before the first one that is scored; 0 where it is the same.
        """
        known = {name: g for g, name in enumerate(self.ids)}
        places = np.array([known.get(name, len(self.ids)) for name in table.ids], dtype=np.int64)
        scales = [np.concatenate([part, np.full((1, len(self.targets)), np.nan)])[places] for part in self._scales()]
        naive, missing = self.naive, []
        if opening:
            naive = tuple(m for m in naive if m <= opening)
            missing = [f"seasonal_naive_{m}" for m in self.naive if m > opening]
            starts = table.starts[:-1]
            first = np.stack([starts, np.minimum(starts + opening, table.starts[1:])], axis=1)
            for squared, part in enumerate(scales):
                own = _scales(table, first, self.season, squared=bool(squared))
                part[places == len(self.ids)] = own[places == len(self.ids)]
        constants = self.constants
        history = History.of(table, constants.mean[places])
        methods = from_history(history, self.horizon, naive)
        for name, values in (("mean", constants.mean), ("median", constants.median)):
            methods[name] = partial(constant, values[places], self.horizon, history)
        clocks = {1: clock(table)}
        for name, values in constants.seasonal.items():
            m = values.shape[1]
            if m not in clocks:  # the mean's, which comes first, is the median's and Theta's too
                turns = opening and table.frequency.unit == "row"
                turn = np.repeat(shifts(table, values, places, opening), table.lengths) if turns else 0
                clocks[m] = clocks[1] + turn
            methods[name] = partial(by_season, values[places], clocks[m], self.horizon, history)
        if self.theta is not None:
            turned = clocks.get(self.theta.season, clocks[1])
            methods["theta"] = partial(self.theta.forecast, history, places, turned, self.horizon)
        methods |= {name: partial(ridge, prepared) for name, ridge in self.ridges.items()}
        return Baselines(
            methods=methods,
            season=self.season,
            seasons=self.seasons,
            scale=scales[0],
            squared_scale=scales[1],
            walk=self.walk,
            criterion=self.criterion,
            missing=tuple(missing),
            notes=self.notes,
            fitted=self,
        )

    def _scales(self) -> tuple[Array, Array]:
        return self.scale, self.squared_scale

    def to_arrays(self) -> tuple[str, dict[str, NDArray[Any]]]:
        """A description as JSON, and arrays by name, for `from_arrays`."""
        arrays: dict[str, NDArray[Any]] = {"scale": self.scale, "squared_scale": self.squared_scale}
        arrays |= {"mean": self.constants.mean, "median": self.constants.median}
        arrays |= {**self.constants.seasonal, **(self.theta.to_arrays() if self.theta else {})}
        ridges = {}
        for name, ridge in self.ridges.items():
            ridges[name] = {"shape": list(ridge.shape), "levels": ridge.levels, "alphas": ridge.alphas}
            parts = {"bias": ridge.bias, "past": ridge.past, "known": ridge.known}
            arrays |= {f"{name}.{part}": values for part, values in parts.items() if values is not None}
        about = {
            "format": FORMAT,
            "ids": self.ids,
            "targets": self.targets,
            "horizon": self.horizon,
            "season": self.season,
            "seasons": self.seasons,
            "naive": self.naive,
            "seasonal": list(self.constants.seasonal),
            "walk": self.walk,
            "criterion": self.criterion,
            "ridges": ridges,
            "notes": [{"kind": note.kind, "message": note.message, "values": dict(note.values)} for note in self.notes],
        }
        return json.dumps(about, ensure_ascii=False), arrays

    @classmethod
    def from_arrays(cls, about: str, arrays: Mapping[str, NDArray[Any]]) -> FittedBaselines:
        """What `to_arrays` gave.

        Raises:
            ArtifactError: something is missing, of another shape or not finite, or of another format.
        """
        try:
            state = json.loads(about)
            if state["format"] not in (1, FORMAT):
                raise ArtifactError(f"baselines of format {state['format']}; this version reads {FORMAT}")
            named = {name: name for name in state["seasonal"]}
            if state["format"] == 1:
                named = {f"seasonal_{state['middle']}_{m}": f"seasonal.{m}" for m in state["seasonal"]}
            seasonal = {name: _array(arrays, stored) for name, stored in named.items()}
            constants = Constants(_array(arrays, "mean"), _array(arrays, "median"), seasonal)
            rows = (len(state["ids"]) + 1, len(state["targets"]))
            found = cls(
                ids=tuple(state["ids"]),
                targets=tuple(state["targets"]),
                horizon=int(state["horizon"]),
                season=int(state["season"]),
                seasons=tuple(state["seasons"]),
                naive=tuple(state["naive"]),
                constants=constants,
                theta=Theta.from_arrays(arrays, rows) if "theta.rate" in arrays else None,
                ridges={name: _ridge(name, one, arrays) for name, one in state["ridges"].items()},
                scale=np.asarray(arrays["scale"], dtype=np.float64),
                squared_scale=np.asarray(arrays["squared_scale"], dtype=np.float64),
                walk=bool(state["walk"]),
                criterion=state["criterion"],
                notes=tuple(Note(note["kind"], note["message"], note["values"]) for note in state["notes"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"the saved baselines are damaged: {error}") from error
        size = (rows[0] - 1, rows[1])
        wrong = found.scale.shape != size or found.squared_scale.shape != size or constants.mean.shape != rows
        wrong |= constants.median.shape != rows
        wrong |= any(values.shape != (rows[0], values.shape[1], rows[1]) for values in seasonal.values())
        if wrong or found.criterion not in ("absolute", "squared"):
            raise ArtifactError("the saved baselines are damaged: arrays of other shapes than their description")
        return found


@dataclass(frozen=True)
class Baselines:
    """Everything about a training part that an evaluation needs; computed once, used for any part.

    Attributes:
        methods: name -> function from origins [B] to forecasts [B, K, C] in the target's unit.
        season: steps in a cycle, of the scale; 1 where there is none.
        seasons: every season found, strongest first.
        scale: [G, C] in-sample mean absolute seasonal error; NaN where a series has none.
        squared_scale: [G, C] the same of squares.
        walk: whether every target moves like a random walk.
        criterion: "squared" where demand is intermittent, else "absolute".
        missing: methods that were fitted but cannot be computed for this table.
        notes: which baselines were left out, and why.
        fitted: what they were made of.
    """

    methods: Mapping[str, Forecast]
    season: int
    seasons: tuple[int, ...]
    scale: Array
    squared_scale: Array
    walk: bool
    criterion: Criterion = "absolute"
    missing: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    fitted: FittedBaselines | None = None


def fit_baselines(
    table: Table,
    split: Parts,
    prepared: Prepared,
    *,
    window: int,
    horizon: int,
    season: int | None = None,
    ridge: bool = True,
    scale_rows: Rows | None = None,
    seasons: Seasons | None = None,
    again: bool = False,
) -> Baselines:
    """Fit all baselines on the training part; the validation part chooses ridge's penalty and nothing else.

    Where the model they stand beside was trained again on both parts together, so are they (`again`).

    Args:
        table: the raw series.
        split: its parts.
        prepared: the prepared table, which ridge regression sees as the model does.
        window: T, past steps that ridge regression sees.
        horizon: K.
        season: steps in a cycle; None finds it in the training part.
        ridge: whether ridge regression, with and without known-ahead inputs, is among the baselines.
        again: see above.
        scale_rows: [G, 2] rows that set the MASE scale; None takes the training part (M4 takes all before the test).
        seasons: of the first target, where they are known already.
    """
    train = np.asarray(split.train, dtype=np.int64)
    strongest, found = _seasons(table, train, seasons)
    chosen = season if season is not None else strongest
    longest = int((train[:, 1] - train[:, 0]).max()) if len(train) else 0
    # A day and a week are compared with even where they do not show: that is what people would try. Rows that are
    # only counted have no calendar, but a cycle as long as a day of some common step has a week.
    usual = table.frequency.seasons()[:2] or tuple(7 * m for m in (chosen, *found) if m in DAYS)
    usual = tuple(m for m in usual if 2 * m <= longest)
    naive = tuple(m for m in dict.fromkeys([chosen, *found, *usual]) if m > 1)[:_SEASONS]
    cycled = [m for m in naive if CYCLES * m <= longest][:_SEASONAL]
    seen = np.stack([train[:, 0], np.asarray(split.validation, np.int64)[:, 1]], axis=1) if again else train
    constants = Constants.of(table, seen, cycled)
    rare = intermittent(table, train, constants.seasonal.get(f"seasonal_median_{next(iter(cycled), 0)}"))
    ridges, notes = _ridges(table, split, prepared, window, horizon, again) if ridge else ({}, [])
    if rare:
        several = len(table.ids) * len(table.schema.targets) > 1
        notes.append(Note("intermittent", _INTERMITTENT, {"metric": "RMSSE" if several else "RMSE"}))
    rows = train if scale_rows is None else scale_rows
    return FittedBaselines(
        ids=table.ids,
        targets=table.schema.targets,
        horizon=horizon,
        season=chosen,
        seasons=found,
        naive=naive,
        constants=constants,
        theta=Theta.of(table, seen, chosen if chosen in cycled else 1),
        ridges=ridges,
        scale=_scales(table, rows, chosen, squared=False),
        squared_scale=_scales(table, rows, chosen, squared=True),
        walk=all(random_walk([table.columns[name][a:b] for a, b in train], found) for name in table.schema.targets),
        criterion="squared" if rare else "absolute",
        notes=tuple(notes),
    ).apply(table, prepared)


def _ridges(
    table: Table, split: Parts, prepared: Prepared, window: int, horizon: int, again: bool
) -> tuple[dict[str, Ridge], list[Note]]:
    train, starts = np.asarray(split.train, dtype=np.int64), np.asarray(table.starts, dtype=np.int64)
    origins = sample_origins(train, starts, window, horizon, LIMIT, inside=True)
    validation = np.asarray(split.validation, dtype=np.int64)
    choosing = sample_origins(validation, starts, window, horizon, LIMIT, inside=False)
    try:
        return fit_ridges(prepared, origins, choosing, window, horizon, again=again), []
    except DataError as error:
        values = {"method": "ridge", "reason": str(error)}
        return {}, [Note("baseline", "The baseline {method} is left out: {reason}.", values)]


def _array(arrays: Mapping[str, NDArray[Any]], name: str) -> Array:
    found = np.asarray(arrays[name], dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} is not finite")
    return found


def _ridge(name: str, state: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Ridge:
    window, horizon, targets, groups, squares = state["shape"]
    return Ridge(
        shape=Shape(int(window), int(horizon), int(targets), int(groups), tuple(squares)),
        levels=tuple(state["levels"]),
        alphas=tuple(float(alpha) for alpha in state["alphas"]),
        bias=_array(arrays, f"{name}.bias"),
        past=_array(arrays, f"{name}.past"),
        known=_array(arrays, f"{name}.known") if f"{name}.known" in arrays else None,
    )


def _seasons(table: Table, train: Rows, known: Seasons | None) -> tuple[int, tuple[int, ...]]:
    first, *others = table.schema.targets[:_TARGETS]
    results = [known or find_seasons(table, train, first), *(find_seasons(table, train, name) for name in others)]
    strongest = next((result.strongest for result in results if result.strongest > 1), 1)
    every = dict.fromkeys([strongest, *(m for result in results for m in result.all)])
    return strongest, tuple(m for m in every if m > 1)


def _scales(table: Table, rows: Sequence[Sequence[int]] | Rows, season: int, *, squared: bool) -> Array:
    out = np.full((len(table.ids), len(table.schema.targets)), np.nan)
    for c, name in enumerate(table.schema.targets):
        column = table.columns[name]
        for g, (begin, end) in enumerate(rows):
            try:
                out[g, c] = seasonal_error(column[begin:end], season, squared=squared)
            except DataError:  # too short, or exactly periodic: no scale
                continue
    return out


def sample_origins(part: Rows, starts: Rows, window: int, horizon: int, limit: int, *, inside: bool) -> Rows:
    """At most `limit` origins of a part, spread evenly over all of them.

    Args:
        part: [G, 2], the part's rows of each series.
        starts: [G + 1], first row of each series, then N.
        window: T, rows that must exist before an origin.
        horizon: K, rows of the part that must follow it.
        limit: most origins to return.
        inside: whether the T rows before must lie in the part too (training), or only in the series.

    Returns:
        [at most limit], sorted.
    """
    floor = part[:, 0] if inside else starts[:-1]
    first = np.maximum(part[:, 0], floor + window)
    counts = np.maximum(part[:, 1] - horizon + 1 - first, 0)
    ends = np.cumsum(counts)
    total = int(ends[-1]) if ends.size else 0
    if total == 0:
        return np.zeros(0, dtype=np.int64)
    chosen = np.unique(np.linspace(0, total - 1, min(total, limit)).astype(np.int64))
    series = np.searchsorted(ends, chosen, side="right")
    return np.asarray(first[series] + chosen - (ends - counts)[series], dtype=np.int64)
