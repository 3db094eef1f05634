"""Cross-validation of a classifier or regressor: every sequence is tested once, each fold from raw values on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.names import method_name, metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.core.text import aligned, share, spaced
from tidegate.core.translate import Language, tr
from tidegate.data.emit import to_frame
from tidegate.data.folds import deal_folds
from tidegate.data.partition import By, Partition, partition
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.tasks.label.evaluate import judge_part
from tidegate.tasks.verbs import require_verb


@dataclass(frozen=True, repr=False)
class CrossValidation(Notebook):
    """Scores of every fold, beside the baselines' on the same fold; print it for the table.

    Attributes:
        criterion: the metric that ranks methods. higher: whether more of it is better.
        methods: "model", then the baselines that every fold has, best first by their mean.
        per_fold: method -> metric -> a value for each fold; NaN where a fold has none.
        sizes: sequences tested in each fold. by: how they were dealt.
        evaluations: of each fold. notes: on the data and the folds.
        like: the kind of frame that `frame` makes.
    """

    criterion: str
    higher: bool
    methods: tuple[str, ...]
    per_fold: Mapping[str, Mapping[str, tuple[float, ...]]]
    sizes: tuple[int, ...]
    by: str
    evaluations: tuple[Any, ...]
    notes: tuple[Note, ...] = ()
    like: Any = None

    def mean(self, method: str = "model", metric: str | None = None) -> float:
        """Mean over the folds that have a value."""
        known = self._known(method, metric)
        return float(known.mean()) if known.size else math.nan

    def deviation(self, method: str = "model", metric: str | None = None) -> float:
        """Standard deviation over the folds (n - 1); NaN for fewer than two."""
        known = self._known(method, metric)
        return float(known.std(ddof=1)) if known.size > 1 else math.nan

    def wins(self, method: str) -> int:
        """Folds in which the model is ahead of a baseline."""
        sign = 1 if self.higher else -1
        pairs = zip(self.per_fold["model"][self.criterion], self.per_fold[method][self.criterion], strict=True)
        return sum(sign * own > sign * other for own, other in pairs)

    def columns(self) -> dict[str, NDArray[Any]]:
        """The tidy rows as name -> array: fold (from 1), method, metric, value."""
        rows = [
            (fold + 1, method, metric, value)
            for method in self.methods
            for metric, values in self.per_fold[method].items()
            for fold, value in enumerate(values)
        ]
        fold, method, metric, value = zip(*rows, strict=True)
        texts = {"method": np.array(method, dtype=object), "metric": np.array(metric, dtype=object)}
        return {"fold": np.array(fold), **texts, "value": np.array(value, dtype=np.float64)}

    def frame(self) -> Any:
        """The tidy rows as a dataframe: fold, method, metric, value."""
        return to_frame(self.columns(), like=self.like)

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row for each method."""
        name = metric_name(self.criterion, lang)
        head = [tr("method", lang), name, tr("± over folds", lang), tr("lowest", lang), tr("highest", lang)]
        table = [[*head, tr("folds ahead", lang)]]
        for method in self.methods:
            known = self._known(method, None)
            ends = [share(float(known.min())), share(float(known.max()))] if known.size else ["-", "-"]
            ahead = "" if method == "model" else f"{self.wins(method)}/{len(self.sizes)}"
            table.append(
                [method_name(method, lang), share(self.mean(method)), share(self.deviation(method)), *ends, ahead]
            )
        return table

    def text(self, lang: Language | None = None) -> str:
        """What came of it, in a sentence."""
        values: dict[str, Any] = {
            "folds": len(self.sizes),
            "metric": metric_name(self.criterion, lang),
            "model": share(self.mean()),
            "spread": share(self.deviation()),
        }
        if len(self.methods) < 2:
            message = "Over {folds} folds the model's {metric} is {model} ± {spread}."
            return spaced(tr(message, lang, **values), lang)
        best = self.methods[1]
        values |= {"baseline": method_name(best, lang), "reference": share(self.mean(best)), "wins": self.wins(best)}
        message = (
            "Over {folds} folds the model's {metric} is {model} ± {spread}, that of the best baseline, {baseline}, "
            "{reference}; the model was ahead in {wins} of {folds}."
        )
        return spaced(tr(message, lang, **values), lang)

    def __str__(self) -> str:
        return "\n".join([*aligned(self.rows()), "", self.text()])

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text; values that do not exist are null."""
        return {
            "criterion": self.criterion,
            "methods": list(self.methods),
            "sizes": list(self.sizes),
            "by": self.by,
            "mean": {name: _null(self.mean(name)) for name in self.methods},
            "deviation": {name: _null(self.deviation(name)) for name in self.methods},
            "per_fold": {
                name: {metric: [_null(value) for value in values] for metric, values in self.per_fold[name].items()}
                for name in self.methods
            },
        }

    def _known(self, method: str, metric: str | None) -> NDArray[np.float64]:
        values = np.asarray(self.per_fold[method][metric or self.criterion], dtype=np.float64)
        return np.asarray(values[np.isfinite(values)])


def cross_validate(
    estimator: Any,
    data: Any,
    labels: Any = None,
    *,
    folds: int = 5,
    by: By = "auto",
    validation: float | int = 0.15,
    seed: int = 0,
    progress: bool | None = None,
    **reading: Any,
) -> CrossValidation:
    """Train on all folds but one and test on that one, for each of them; the estimator itself is left as it is.

    Whatever is fitted or chosen (preparation, epoch, temperature, threshold, baselines) is so again in every fold, from
    its training part alone. Folds share most of their training data: the spread over them says how much a score moves
    with the data at hand, and is no confidence interval.

    Args:
        estimator: a `Classifier` or `Regressor`. data, labels, reading: as of its `fit`.
        folds: how many. by: how sequences are dealt (see `tidegate.data.folds.deal_folds`).
        validation: share or number of each fold's training sequences that choose the epoch.
        seed: of the dealing; that of the training is the estimator's.
        progress: show a bar; None does where there is a terminal.

    Raises:
        ConfigError, SplitError: folds that cannot be. TidegateError: as of `fit`.

    >>> from tidegate import Regressor
    >>> levels = np.arange(24.0)
    >>> recordings = [np.full((5, 1), level) for level in levels]
    >>> found = cross_validate(Regressor(hidden_size=4, max_epochs=1), recordings, levels, folds=2, progress=False)
    >>> found.sizes, found.criterion, found.columns()["fold"][:2].tolist()
    ((12, 12), 'rmse', [1, 2])
    """
    require_verb(estimator, "cross_validate")
    if validation == 0:
        raise ConfigError("validation=0: the epoch is chosen on a validation part; give it a share such as 0.15")
    from tidegate.train.progress import ProgressBar

    estimator.check()
    sequences = estimator._read(data, labels, reading)
    place, chosen, notes = deal_folds(sequences, folds, by, seed)
    found, sizes = [], []
    for fold in range(folds):
        rest, test = np.flatnonzero((place != fold) & (place >= 0)), np.flatnonzero(place == fold)
        inner = partition(sequences.take(rest), validation=validation, test=0, by=chosen, seed=seed)  # type: ignore[arg-type]
        parts = Partition(rest[inner.train], rest[inner.validation], test, chosen)
        model = type(estimator)(**estimator.get_params())
        with ProgressBar(progress) as bar:
            model._fit_parts(sequences, parts, progress=bar)
        found.append(judge_part(model, "test").evaluation)
        sizes.append(len(test))
        higher = isinstance(model.labels_, ClassLabels)
    criteria = [own.criterion for own in found]
    criterion = next((name for name in criteria if name != "accuracy"), criteria[0])
    return _join(tuple(found), criterion, higher, tuple(sizes), chosen, (*sequences.notes, *notes), data)


def _join(
    found: tuple[Any, ...],
    criterion: str,
    higher: bool,
    sizes: tuple[int, ...],
    by: str,
    notes: tuple[Note, ...],
    like: Any,
) -> CrossValidation:
    shared = [name for name in found[0].methods if all(name in own.overall for own in found)]
    per_fold = {
        name: {
            metric: tuple(float(own.overall[name].get(metric, math.nan)) for own in found)
            for metric in found[0].overall[name]
        }
        for name in shared
    }
    made = CrossValidation(criterion, higher, tuple(shared), per_fold, sizes, by, found, notes, like)
    ranked = sorted((name for name in shared if name != "model"), key=made.mean, reverse=higher)
    return CrossValidation(criterion, higher, ("model", *ranked), per_fold, sizes, by, found, notes, like)


def _null(value: float) -> float | None:
    return value if math.isfinite(value) else None
