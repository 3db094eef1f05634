"""A search over options: trainings that Optuna proposes, of which the validation part chooses (guide 4.3, 7.1.4)."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.artifacts.atomic import hold_run
from tidegate.core import limit
from tidegate.core.checks import whole
from tidegate.core.errors import ConfigError, TidegateError
from tidegate.core.names import metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.optional import require
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.runtime.forecast.decode import beside
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.timing import latencies
from tidegate.tasks.search.leaderboard import Entry, Leaderboard, count_weights
from tidegate.tasks.search.presets import DEFAULT

if TYPE_CHECKING:
    from tidegate.tasks.estimator import Estimator

Values = Sequence[Any] | tuple[float, float]
KEPT = ("name", "changes", "failed", "seconds", "weights", "latency")  # of an entry, in the journal
SPACE: Mapping[str, Values] = {  # the guide's ranges (4.3)
    "hidden_size": [32, 64, 128, 256],
    "num_layers": [1, 2, 3],
    "dropout": (0.0, 0.5),
    "learning_rate": (5e-4, 1e-2),
    "batch_size": [16, 32, 64, 128],
}
JOURNAL = "search.journal"
STARTUP, WARM_UP = 5, 4  # trials, and epochs of each, before a trial is compared with the others' median
APART = ("loss", "quantiles", "level", "horizon", "network.normalise")  # options that change what a loss means
TIMED = 0.2  # seconds in which a latency is measured
PRUNED = "stopped after epoch {epoch}: behind the median of the trials before"


@dataclass(frozen=True, repr=False)
class Tuned(Notebook):
    """What a search found.

    Attributes:
        model: the best by the validation part, fitted. board: what was tried. space: what was searched.
        before, after: the first training's and the best one's evaluation of the test part, at which nothing else was
            looked; None without one.
    """

    model: Any
    board: Leaderboard
    space: Mapping[str, Values] = field(default_factory=dict)
    before: Any = None
    after: Any = None

    def luck(self, lang: Language | None = None) -> str:
        """What the gain on the part that chose is worth on the test part, which had no say; "" without one."""
        if self.before is None or self.after is None:
            return ""
        if self.board.chosen == DEFAULT:
            return tr("Nothing that was tried did better on the validation part than the options given.", lang)
        scores = {entry.name: entry.score for entry in self.board.entries}
        metric = self.board.metric
        first, best = (float(each.overall["model"][metric]) for each in (self.before, self.after))
        return tr(
            "By the validation part {metric} went from {old} to {new}; on the test part, which chose nothing, from "
            "{first} to {best}. The difference between both gains is what choosing among {count} trainings owes to "
            "luck.",
            lang,
            metric=metric_name(metric, lang),
            old=number(scores[DEFAULT]),
            new=number(scores[self.board.chosen]),
            first=number(first),
            best=number(best),
            count=len(self.board.entries),
        )

    def __str__(self) -> str:
        return "\n".join([str(self.board), *(["", self.luck()] if self.luck() else [])])

    def to_json(self) -> dict[str, Any]:
        """The leaderboard, the space and both evaluations of the test part."""
        both = {"before": self.before, "after": self.after}
        tested = {name: None if each is None else each.to_json() for name, each in both.items()}
        return {**self.board.to_json(), "space": {name: list(each) for name, each in self.space.items()}, **tested}


def tune(
    estimator: Estimator,
    data: Any,
    *,
    trials: int = 20,
    space: Mapping[str, Values] | None = None,
    pruning: bool = True,
    latency: bool = False,
    out: str | Path | None = None,
    report: Callable[[str], None] | None = None,
    **how: Any,
) -> Tuned:
    """Train with options that a search proposes, and keep those that do best on the validation part.

    The first training is the estimator as it is, so that the search cannot end worse on the validation part. Each
    further one changes the options of `space`; Optuna's tree-structured Parzen estimator proposes, from all that was
    tried. The test part is looked at twice, at the end: with the first and with the best options, to see what the gain
    is worth where nothing was chosen. With `estimator.time_limit` no training begins that would not end in time.

    Args:
        estimator: not fitted; any task whose training can be repeated with other options.
        data: as its `fit` takes them. how: other arguments of `fit`.
        trials: trainings after the first.
        space: option -> list of values, or (low, high) of a number (logarithmic where high is ten times low or more);
            `network.attention` names an option of a group. None takes the ranges of `SPACE`.
        pruning: stop a trial whose validation loss, from its 4th epoch on, is behind the median of the finished trials
            at that epoch (after 5 of them); not where an option of the space changes what a loss means.
        latency: also look for low latency of one answer: two objectives, whose front the leaderboard and its page show.
            The model that is handed over is still the one with the best score. Nothing is pruned then.
        out: folder of the journal: a search that was cut off goes on from there, with the same trials and leaderboard.
        report: told of every trial.

    Returns:
        `Tuned`: print it, or see `.model`, `.board`.

    Raises:
        ConfigError: an option that there is not. MissingExtraError: Optuna is not installed.
        TidegateError: the first training cannot work.

    Source: Bergstra, Bardenet, Bengio and Kegl (2011), Algorithms for hyper-parameter optimization.
    """
    optuna = require("optuna", extra="search", purpose="search for options")
    ranges = {name: values for name, values in SPACE.items() if name in estimator._names()} if space is None else space
    _check(estimator, ranges, trials)
    begun = time.monotonic()
    seconds = math.inf if estimator.time_limit is None else estimator.time_limit
    if out is None:
        with limit.within(seconds):
            return _Tuning(optuna, estimator, ranges, None, report, pruning, latency).run(data, how, trials, begun)
    with hold_run(Path(out)), limit.within(seconds):
        return _Tuning(optuna, estimator, ranges, Path(out), report, pruning, latency).run(data, how, trials, begun)


def _check(estimator: Any, space: Mapping[str, Values], trials: int) -> None:
    """Refuse what cannot be searched."""
    whole("trials", trials, 1)
    if not space:
        raise ConfigError(tr("space has no options: name one, such as space={'hidden_size': [32, 64, 128]}"))
    for name, values in space.items():
        plain = not isinstance(values, str) and isinstance(values, (list, tuple))
        if not plain or not values or (isinstance(values, tuple) and (len(values) != 2 or not values[0] < values[1])):
            message = "space of {name} is a list of values or (low, high) with low < high; got {values!r}"
            raise ConfigError(tr(message, name=name, values=values))
        estimator.variant({name: values[0]})  # refuses an option that there is not


class _Tuning:
    """One search."""

    def __init__(
        self,
        optuna: Any,
        estimator: Estimator,
        space: Mapping[str, Values],
        out: Path | None,
        report: Callable[[str], None] | None,
        pruning: bool,
        latency: bool,
    ) -> None:
        logging.getLogger("optuna").setLevel(logging.WARNING)
        self.optuna, self.estimator, self.space, self.out = optuna, estimator, space, out
        self.report = report or (lambda line: None)
        self.slowest, self.latency = 0.0, latency
        alike = not any(name in APART or name.startswith("preparation.") for name in space)
        self.pruning = pruning and alike and not latency

    def run(self, data: Any, how: Mapping[str, Any], trials: int, begun: float) -> Tuned:
        first = self.estimator.variant({"preset": None, "time_limit": None})
        first.fit(data, **how)  # type: ignore[attr-defined]
        trainee: Any = first.trainee()
        best, held, value, took = trainee, DEFAULT, trainee.value("validation"), time.monotonic() - begun
        self.slowest = took
        self.higher = trainee.higher
        study = self._study()
        own = Entry(DEFAULT, value, took, {}, weights=count_weights(first), latency=self._timed(first))
        entries = [own, *self._done(study)]
        self._tell(entries[0])
        if len(entries) > 1:
            self.report(tr("{count} trials were done before.", count=len(entries) - 1))
        while len(entries) <= trials and limit.left() > 1.2 * self.slowest:
            entry, other = self._trial(study, trainee)
            entries.append(entry)
            self._tell(entry)
            if other is not None and _better(entry.score, value, trainee.higher):
                best, held, value = other, entry.name, entry.score
        winner = _winner(entries, trainee.higher)
        if winner.name != held:  # found before this process: trained again, to the same
            best = trainee.retrained(dict(winner.changes))
        metric = trainee.score("validation").criterion
        left_out = () if len(entries) > trials else (tr("{count} trials", count=trials + 1 - len(entries)),)
        board = Leaderboard(metric, trainee.higher, tuple(entries), winner.name, left_out)
        before = trainee.score("test") if "test" in trainee.parts else None
        best = best.finish() if best is not trainee else best
        best.model.search_ = board
        after = best.score("test") if "test" in best.parts else None
        return Tuned(best.model, board, self.space, before, after)

    def _timed(self, model: Any) -> float:
        """Milliseconds of one answer, where they are looked for."""
        if not self.latency:
            return 0.0
        weights = Loaded(model.fitted_.weights)
        own = latencies([(model.spec_, weights)], batches=(1,), seconds=TIMED)[0][1][0]
        decoding: Any = getattr(model, "decoding_", None)
        if getattr(decoding, "mixture", None) is not None:  # and what the pretrained forecaster takes beside it
            prepared, last = model.fitted_.prepared, np.array([len(model.fitted_.table)])
            times = []
            for _ in range(5):
                prepared.memory.clear()
                begin = time.perf_counter()
                beside(decoding, prepared, last)
                times.append(1e3 * (time.perf_counter() - begin))
            own += float(np.median(times))
        return round(own, 4)

    def _study(self) -> Any:
        optuna = self.optuna
        storage = None
        if self.out is not None:
            self.out.mkdir(parents=True, exist_ok=True)
            journal = optuna.storages.journal
            storage = journal.JournalStorage(journal.JournalFileBackend(str(self.out / JOURNAL)))
        study = optuna.create_study(
            study_name="tidegate",
            directions=["maximize" if self.higher else "minimize", *(["minimize"] if self.latency else [])],
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=WARM_UP - 1),
            storage=storage,
            load_if_exists=True,
        )
        known = study.user_attrs.get("about")
        about = json.dumps(
            [repr(self.estimator), {name: list(each) for name, each in self.space.items()}, self.pruning, self.latency]
        )
        if known is None:
            study.set_user_attr("about", about)
        elif known != about:
            message = "{out} holds a search of another model or space: choose another folder, or delete {journal} in it"
            raise ConfigError(tr(message, out=self.out, journal=JOURNAL))
        return study

    def _done(self, study: Any) -> list[Entry]:
        """Trials of the journal that were finished."""
        states = self.optuna.trial.TrialState
        found = []
        for trial in study.get_trials(deepcopy=False):
            said = trial.user_attrs
            if trial.state in (states.COMPLETE, states.PRUNED, states.FAIL) and "seconds" in said:
                score = trial.values[0] if trial.state == states.COMPLETE else math.nan
                found.append(Entry(score=score, **{name: said[name] for name in KEPT}))
                self.slowest = max(self.slowest, said["seconds"])
        return found

    def _trial(self, study: Any, trainee: Any) -> tuple[Entry, Any]:
        """Ask, train, tell."""
        from tidegate.train.loop import watched

        states = self.optuna.trial.TrialState
        done = [trial for trial in study.get_trials(deepcopy=False) if "seconds" in trial.user_attrs]
        # A sampler of its own for each trial: what it draws depends on the seed and the finished trials alone.
        seed = 1_000 * self.estimator.seed + len(done)
        study.sampler = self.optuna.samplers.TPESampler(seed=seed, n_startup_trials=5)
        trial = study.ask()
        changes = {name: _suggest(trial, name, values) for name, values in self.space.items()}
        begin, name = time.monotonic(), f"trial {len(done) + 1}"
        other, failed, score, pruned = None, "", math.nan, False
        try:
            with watched(self._watch(trial)):
                other = trainee.retrained(changes)
            score = other.value("validation")
        except TidegateError as refusal:
            failed = str(refusal)
        except self.optuna.TrialPruned as behind:
            failed, pruned = str(behind), True
        sizes = (0, 0.0) if other is None else (count_weights(other.model), self._timed(other.model))
        entry = Entry(name, score, time.monotonic() - begin, changes, failed, *sizes)
        self.slowest = max(self.slowest, entry.seconds)
        for key in KEPT:
            trial.set_user_attr(key, getattr(entry, key))
        if math.isfinite(score):
            study.tell(trial, [score, entry.latency] if self.latency else score)
        else:
            study.tell(trial, state=states.PRUNED if pruned else states.FAIL)
        return entry, other

    def _watch(self, trial: Any) -> Callable[[int, float], None]:
        """Tells the study of a trial's epochs; ends it where it is behind."""

        def watch(epoch: int, loss: float) -> None:
            if self.pruning and epoch > len(told):  # the first member's, of an ensemble
                told.append(loss)
                trial.report(-loss if self.higher else loss, epoch - 1)
                if trial.should_prune():
                    raise self.optuna.TrialPruned(tr(PRUNED, epoch=epoch))

        told: list[float] = []
        return watch

    def _tell(self, entry: Entry) -> None:
        listed = ", ".join(f"{name}={_plain(value)}" for name, value in entry.changes.items())
        said = {"name": entry.name, "score": number(entry.score), "seconds": f"{entry.seconds:.1f}"}
        self.report(tr("{name}: {score} in {seconds} s {options}", options=entry.failed or listed, **said))


def _winner(entries: Sequence[Entry], higher: bool) -> Entry:
    """The best one; of equally good ones the first."""
    best = entries[0]
    for entry in entries[1:]:
        if _better(entry.score, best.score, higher):
            best = entry
    return best


def _better(score: float, than: float, higher: bool) -> bool:
    return math.isfinite(score) and (score > than if higher else score < than)


def _suggest(trial: Any, name: str, values: Values) -> Any:
    """A value for an option: one of a list, or a number between two."""
    if isinstance(values, list) or len(values) != 2:
        return values[trial.suggest_int(name, 0, len(values) - 1)]
    low, high = values
    log = low > 0 and high >= 10 * low
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=log)
    return float(f"{trial.suggest_float(name, low, high, log=log):.3g}")


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
