"""A model fitted again with the rows that came since, compared with the old one on the latest of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.artifacts.artifact import read_model
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.names import metric_name
from tidegate.core.table import Table
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.deploy.drift.monitor import new_rows
from tidegate.deploy.publish import publish
from tidegate.deploy.shrink.judge import judge
from tidegate.deploy.store import Store
from tidegate.runtime import load as load_runtime
from tidegate.runtime.model import model_of
from tidegate.tasks.open import Stored, load, run_folder

TASKS = ("forecaster", "detector")
LONGEST_GAP = 10_000  # steps between the old rows and the new ones


@dataclass(frozen=True)
class Retrained:
    """Both models on the latest rows, which neither has learned from.

    Attributes:
        metric: of the scores, lower is better. old, new: of each. worse: by what share the new one is worse, with the
            low and high of a 95 % interval. rows: of the part that both were compared on. run: of the new model.
        version: number and id of the version that was put to use; None where none was.
    """

    metric: str
    old: float
    new: float
    worse: tuple[float, float, float]
    rows: int
    run: Path
    version: str | None = None

    @property
    def better(self) -> bool:
        """Whether the new model is better by more than chance allows."""
        return self.worse[2] < 0

    def text(self, lang: Language | None = None) -> str:
        """What was found and done, in sentences."""
        share, low, high = (f"{100 * value:+.1f}" for value in self.worse)
        values = {"metric": metric_name(self.metric, lang), "old": number(self.old), "new": number(self.new)}
        message = (
            "Fitted again ({run}). On the latest {rows} rows {metric}: old {old}, new {new} ({share} %, 95 % {low} to "
            "{high})."
        )
        said = tr(message, lang, **values, run=self.run, rows=self.rows, share=share, low=low, high=high)
        done = tr("It is not better by more than chance allows: the old model stays in use.", lang)
        if self.better:
            done = tr("It is better: publish it, or name a store for it to be put to use at once (--store).", lang)
        if self.version is not None:
            done = tr("It is better, and is in use now: version {version}.", lang, version=self.version)
        return f"{said}\n{done}"

    def to_json(self) -> dict[str, Any]:
        low, high = self.worse[1:]
        own = {"metric": self.metric, "old": self.old, "new": self.new, "worse": self.worse[0], "interval": [low, high]}
        return {**own, "better": self.better, "run": str(self.run), "version": self.version}


def retrain(
    run: str | Path,
    data: Any,
    *,
    actuals: Any = None,
    history: Any = None,
    store: Store | None = None,
    name: str | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
) -> Retrained:
    """Fit a run's model again on its old rows and the new ones, and put it to use where it is better.

    The later half of the new rows is the test part of the new run: neither model has learned from it.

    Args:
        run: the folder of a forecaster's or detector's run. data, actuals: as of `monitor`.
        history: the rows before the new ones; None takes those of the run's training, from where they were.
        store: where a better model is published and promoted; None leaves that to you. name: in the store; that of the
            run's folder where not given. out: folder of the new run; None puts `-retrained` behind the old one's name.
        overwrite: a run that is there.

    Raises:
        ConfigError: a model of another task. ArtifactError: the run does not say where its data are. DataError: the
        new rows do not follow the old ones, or are too few.
    """
    source, artifact = run_folder(run), read_model(run)
    if artifact.record.task not in TASKS:
        message = "--retrain is for a forecaster or a detector; {run} holds a {task}"
        raise ConfigError(tr(message, run=run, task=artifact.record.task))
    target = Path(out) if out is not None else source.with_name(f"{source.name}-retrained")
    stored = Stored.read(run)
    model: Any = model_of(artifact)
    before = new_rows(artifact, model, stored.given(history), None)
    after = new_rows(artifact, model, data, actuals)
    table = joined(before, after)
    fresh = after.time[after.time > before.time.max()]
    if len(fresh) < 2:
        raise DataError(tr("none of the new rows is later than those of the training"))
    begin = np.sort(fresh)[len(fresh) // 2]
    old = load(run)
    fitted = type(old)(**old.get_params())
    split = {
        key: value for key, value in stored.split.items() if key in ("validation", "gap") and not isinstance(value, str)
    }
    test: Any = str(begin) if isinstance(begin, np.datetime64) else int((table.time >= begin).sum() // len(table.ids))
    fitted.fit(table, **split, test=test, out=target, overwrite=overwrite, progress=False)
    losses = [judge(fitted, load_runtime(place)) for place in (run, target)]
    worse = losses[0].worse(losses[1])
    rows = int((table.time >= begin).sum())
    found = Retrained(losses[0].metric, losses[0].value(), losses[1].value(), worse, rows, target)
    if not found.better or store is None:
        return found
    name = name or source.resolve().name
    version = publish(target, store, name, notes=found.text())
    store.promote(name, version.id)
    return replace(found, version=f"{version.record.number} ({version.id})")


def joined(before: Table, after: Table) -> Table:
    """Rows, and those of another table of the same columns that come after them; steps between are missing rows.

    Raises:
        DataError: new rows that are not on the grid of the old ones.
    """
    parts = [_followed(before.keep(np.array([g])), after, name) for g, name in enumerate(before.ids)]
    lengths = [len(part) for part in parts]
    return replace(
        before,
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        time=np.concatenate([part.time for part in parts]),
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in before.columns},
    )


def _followed(own: Table, after: Table, name: str) -> Table:
    """One series with its new rows."""
    if name not in after.ids:
        return own
    first, end = after.rows()[after.ids.index(name)]
    place = np.arange(first, end)[after.time[first:end] > own.time[-1]]
    if not len(place):
        return own
    missing, time = 0, after.time[place]
    if own.frequency.unit != "row":
        grid = own.frequency.advance(own.time[-1], np.arange(1, LONGEST_GAP, dtype=np.int64))
        missing = int(np.searchsorted(grid, time[0]))
        if missing == len(grid) or grid[missing] != time[0]:
            raise DataError(tr("the new rows begin at {time}, which is not on the grid of the old ones", time=time[0]))
        time = np.concatenate([grid[:missing], time])
    own = own.extend(missing) if missing else own
    columns = {each: after.columns[each][place][None] for each in own.columns if each in after.columns}
    return own.extend(len(place), columns, time[missing:][None])
