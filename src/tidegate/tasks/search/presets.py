"""What `preset` and `time_limit` do: trainings of one problem, of which the validation part chooses."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tidegate.core import limit
from tidegate.core.errors import TidegateError
from tidegate.core.table import Note
from tidegate.tasks.options import said
from tidegate.tasks.search.leaderboard import Entry, Leaderboard, count_weights

Changes = Mapping[str, Any]
RESERVE, LATER = 0.15, 0.05  # of the first 100 seconds of a limit, and of the rest, for evaluation and pages
FIRST = 0.4  # of the rest, that the first of several trainings may take
MARGIN = 1.3  # times what a training took, that one like it may take
BETTER = 0.005  # share by which a later one must be better than what comes first, at least
MEMBERS = 3
DEFAULT, ENSEMBLE = "default", "ensemble"
SMALL = 5_000  # training windows below which members of an ensemble cost little
FINE_TUNE = "fine-tune"

FAST: dict[str, Changes] = {
    "forecaster": {"hidden_size": 32, "num_layers": 1, "training.effort": 0.3, "training.refit": False},
    "classifier": {"hidden_size": 32, "training.effort": 0.3, "training.refit": False},
    "regressor": {"hidden_size": 32, "training.effort": 0.3, "training.refit": False},
    "detector": {"hidden_size": 32, "max_epochs": 8},
    "language": {"minutes": 2.0},
}
BEST: dict[str, Changes] = {"language": {"minutes": 40.0}}


def search(model: Any, examples: Any, call: Any, progress: Any, begun: float) -> None:
    """Fit a model by its preset within its time limit, and take over the training that was best.

    The first training is the model as it was given, but for what makes the preset fast or thorough. `medium` and `best`
    then try the pretrained forecaster alone, as it is and fine-tuned, where rows are few; `best` also what `further`
    proposes for such data, and at last trains several members of the best one, which `medium` does where data
    are few. All are scored on the validation part, where a later one must be better by half a percent, and of forecasts
    by 1 / (n + 2) where n windows that were scored do not overlap: four say little. With a time
    limit only trainings are begun that are likely to end in time, and what is running ends when it is up.

    Args:
        model: not fitted; it becomes the best one, whose options are the ones that were chosen. examples, call,
            progress: as of `Estimator._train`. begun: when the time began, as `time.monotonic` counts.

    Raises:
        TidegateError: the first training cannot work; a later one that cannot is left out.
    """
    preset = model.preset or "medium"
    seconds = math.inf
    if model.time_limit is not None:
        spent = time.monotonic() - begun
        reserve = RESERVE * min(model.time_limit, 100) + LATER * max(0, model.time_limit - 100)
        seconds = max(min(model.time_limit - spent, limit.left()) - reserve, 0.5)
    with limit.within(seconds):
        found = _Search(model, preset)
        found.first(examples, call, progress)
        for name, changes in further(found.best.model, preset):
            found.add(name, changes)
        found.members()
        model._adopt(found.finished())


class _Search:
    """The best so far, and what was tried."""

    def __init__(self, model: Any, preset: str) -> None:
        self.model, self.preset = model, preset
        self.best: Any = None
        self.entries: list[Entry] = []
        self.skipped: list[str] = []
        self.chosen, self.error, self.slowest = DEFAULT, math.inf, 0.0

    def first(self, examples: Any, call: Any, progress: Any) -> None:
        """Train the model as it was given."""
        base = {"fast": FAST, "best": BEST}.get(self.preset, {}).get(self.model.task, {})
        model = self.model.variant(_open(self.model, base) | {"preset": None, "time_limit": None})
        begin = time.monotonic()
        with limit.within(limit.left() * (FIRST if self.preset == "best" else 1)):
            model._train(examples, call, progress)
        trainee: Any = model.trainee()
        self._note(DEFAULT, trainee, begin, _open(self.model, base))

    def add(self, name: str, changes: Changes) -> None:
        """Train a variant, where there is time, and keep it if it is better."""
        changes = _open(self.model, changes)
        if not changes:
            return
        times = MARGIN * changes.get("ensemble_size", 1)
        if limit.left() < times * self.slowest:
            self.skipped.append(name)
            return
        begin = time.monotonic()
        try:
            other = self.best.retrained(changes)
        except TidegateError as refusal:
            self.entries.append(Entry(name, math.nan, time.monotonic() - begin, changes, str(refusal)))
            return
        self._note(name, other, begin, changes)

    def members(self) -> None:
        """Train several members of the best one, where that is worth it."""
        took = next(entry.seconds for entry in self.entries if entry.name == self.chosen)
        alone = getattr(self.best.model, "pretrained", None) in (True, FINE_TUNE)  # has one network
        small = self.preset == "medium" and took < 20 and _small(self.best.model)
        if "ensemble_size" in self.model._names() and not alone and (self.preset == "best" or small):
            self.slowest = took  # what members are like
            self.add(ENSEMBLE, {"ensemble_size": MEMBERS})

    def finished(self) -> Any:
        """The best one, as it is handed over, with the leaderboard."""
        metric = self.best.score("validation").criterion
        best = self.best.finish().model
        best.search_ = Leaderboard(metric, self.best.higher, tuple(self.entries), self.chosen, tuple(self.skipped))
        if len(self.entries) > 1:
            message = "Of {count} trainings the validation part chose: {name}."
            note = Note("search", message, {"count": len(self.entries), "name": self.chosen})
            best.notes_ = (*best.notes_, note)
        first = best.search_.ranked()[0].name
        if first != self.chosen:
            message = (
                "{name} scored better on the validation part, but by less than the {share} that it takes to be sure."
            )
            values = {"name": first, "share": f"{100 * _margin(self.best):.1f} %"}
            best.notes_ = (*best.notes_, Note("too_close", message, values))
        return best

    def _note(self, name: str, trainee: Any, begin: float, changes: Changes) -> None:
        value = trainee.value("validation")
        error = 1 - value if trainee.higher else value
        took = time.monotonic() - begin
        self.slowest = max(self.slowest, took / changes.get("ensemble_size", 1))
        self.entries.append(Entry(name, value, took, changes, weights=count_weights(trainee.model)))
        # Members can hardly be worse than one of them, but may be it over again; all else must show that it is better.
        if self.best is None or error < (1 if name == ENSEMBLE else 1 - _margin(trainee)) * self.error:
            self.best, self.chosen, self.error = trainee, name, error


def _margin(trainee: Any) -> float:
    """The share by which a training must be better than the best before it."""
    apart = trainee.independent
    return BETTER if apart is None else max(BETTER, 1 / (apart + 2))


def _open(model: Any, changes: Changes) -> dict[str, Any]:
    """The changes of options about which the user said nothing."""
    given, found = model._changed(), {}
    for name, value in changes.items():
        key, dot, option = name.partition(".")
        if not dot and name not in given and name in model._names():
            found[name] = value
        if dot and key in model.GROUPS:
            own = getattr(model, key)
            if not said(own if own is not None else model.GROUPS[key](), own, option):
                found[name] = value
    return found


def _small(model: Any) -> bool:
    """Whether the data are so few that several members cost little."""
    data = model.fitted_.data
    return len(data) <= SMALL


def further(model: Any, preset: str) -> Iterator[tuple[str, Changes]]:
    """Names and options of what a preset tries for such data; `model` was fitted to them."""
    if preset in ("medium", "best") and model.task == "forecaster":
        yield from _pretrained(model)
    proposals: dict[str, Callable[[Any], Iterator[tuple[str, Changes]]]] = {
        "forecaster": _forecasts,
        "classifier": _labels,
        "regressor": _labels,
        "detector": _alarms,
    }
    if preset == "best" and model.task in proposals:
        yield from proposals[model.task](model)


def _pretrained(model: Any) -> Iterator[tuple[str, Changes]]:
    """The pretrained forecaster alone, as it is and fine-tuned, where data are few: what `auto` only mixes in."""
    plan = model.fitted_.plan
    if _small(model) and plan.block == plan.horizon and model.preparation_.options.target_transform != "difference":
        yield "pretrained", {"pretrained": True}
        yield "fine-tuned", {"pretrained": FINE_TUNE}


def _forecasts(model: Any) -> Iterator[tuple[str, Changes]]:
    """Wider; another cell that takes in whole days at once, over a month of them; each series in its own scale."""
    fitted = model.fitted_
    table, plan, K = fitted.table, fitted.plan, fitted.plan.horizon
    yield "wide", {"hidden_size": 128, "training.effort": 1.5}
    rows = int((fitted.split.train[:, 1] - fitted.split.train[:, 0]).max())
    seasons = [each for each in (*table.frequency.seasons(), *plan.seasons.all) if each > 1]
    day = min(seasons, default=0)
    if day and rows >= 60 * day:
        long = next((days * day for days in (30, 14, 7) if 8 * days * day <= rows and days * day >= K), 0)
        piece = next((each for each in (2 * day, day) if long % each == 0 and K % each == 0 and long >= 7 * each), 0)
        if long and piece:
            yield "days", days(len(table.schema.targets), long, piece)
    if len(table.ids) > 1:
        yield "own scales", own_scales(plan.lags[-1] if plan.lags else 0, day if day and K % day == 0 else 0)


def own_scales(season: int, piece: int) -> Changes:
    """Each of many series in its own scale, a wide network that learns the difference from the longest season.

    Args:
        season: steps of the longest one that fits the window, 0 for none. piece: steps that one decoder step gives, a
            day where the horizon is made of days; 0 leaves it open.
    """
    found: dict[str, Any] = {"preparation.scale": "standard", "preparation.scale_by": "series"}
    found |= {"network.normalise": "standard", "network.anchor": season, "hidden_size": 128, "batch_size": 128}
    return found | ({"network.decoder_segment": piece} if piece else {}) | {"training.average": 0.99}


def days(targets: int, window: int, piece: int) -> Changes:
    """Segments of days through a wide layer, each window shifted by its last value, no calendar (as SegRNN has it).

    Args:
        targets: C. window: T, a month of days or less. piece: steps of a segment, one day or two.
    """
    found: dict[str, Any] = {"cell": "gru", "window": window, "hidden_size": 128, "num_layers": 1, "dropout": 0.5}
    found["preparation.calendar"] = ()
    network = {"segment": piece, "decoder_segment": piece, "normalise": "last", "anchor": 0, "lags": ()}
    if targets > 1:
        network |= {"channels": "independent", "channel_size": 8}
    return found | {f"network.{name}": value for name, value in network.items()} | {"training.average": 0.99}


def _labels(model: Any) -> Iterator[tuple[str, Changes]]:
    """Wider; another pooling; without the convolutional branch, or with a wide one; another cell."""
    yield "wide", {"hidden_size": 128}
    yield "attention", {"network.pooling": "attention"}
    if model.fitted_.plan.branch:
        yield "recurrence", {"network.branch": ()}
        yield "wide branch", {"network.branch": (128, 256, 128), "dropout": 0.3}
    yield "gru", {"cell": "gru"}


def _alarms(model: Any) -> Iterator[tuple[str, Changes]]:
    """Wider; another cell."""
    yield "wide", {"hidden_size": 128}
    yield "gru", {"cell": "gru"}
