"""Cross-validation of a classifier or regressor: every sequence is tested once, each fold from raw values on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError
from tidegate.core.names import method_name, metric_name
from tidegate.core.table import Note
from tidegate.core.text import finite, share, spaced
from tidegate.core.translate import Language, tr
from tidegate.data.emit import to_frame
from tidegate.data.fingerprint import data_fingerprint
from tidegate.data.folds import deal_folds
from tidegate.data.partition import By, Partition, partition
from tidegate.evaluate.evaluation import MODEL
from tidegate.evaluate.fold_scores import OverFolds
from tidegate.evaluate.label.evaluation import ClassEvaluation, NumberEvaluation
from tidegate.prepare.sequence.targets import ClassLabels
from tidegate.tasks.label.evaluate import evaluate_part
from tidegate.tasks.resample.store import FoldStore
from tidegate.tasks.verbs import require_verb


@dataclass(frozen=True, kw_only=True, repr=False)
class CrossValidation(OverFolds):
    """Scores of every fold, beside the baselines' on the same fold; print it for the table.

    Attributes:
        sizes: sequences tested in each fold. by: how they were dealt.
        evaluations: of each fold. notes: on the data and the folds.
        like: the kind of frame that `frame` makes.
    """

    sizes: tuple[int, ...]
    by: str
    evaluations: tuple[Any, ...]
    notes: tuple[Note, ...] = ()
    like: Any = None

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

    def beside(self, method: str | None, lang: Language | None) -> list[str]:
        """The folds in which the model is ahead of a baseline."""
        if method is None:
            return [tr("folds ahead", lang)]
        return ["" if method == MODEL else f"{self.wins(method)}/{self.folds}"]

    def shown(self, value: float) -> str:
        """A value of the table as text."""
        return share(value)

    def text(self, lang: Language | None = None) -> str:
        """What came of it, in a sentence."""
        values: dict[str, Any] = {
            "folds": self.folds,
            "metric": metric_name(self.criterion, lang),
            "model": share(self.mean()),
            "spread": share(self.deviation()),
        }
        best = self.best_baseline
        if best is None:
            message = "Over {folds} folds the model's {metric} is {model} ± {spread}."
            return spaced(tr(message, lang, **values), lang)
        values |= {"baseline": method_name(best, lang), "reference": share(self.mean(best)), "wins": self.wins(best)}
        message = (
            "Over {folds} folds the model's {metric} is {model} ± {spread}, that of the best baseline, {baseline}, "
            "{reference}; the model was ahead in {wins} of {folds}."
        )
        return spaced(tr(message, lang, **values), lang)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text; values that do not exist are null."""
        found = super().to_json()
        named = {name: found[name] for name in ("criterion", "methods", "sizes", "by", "per_fold")}
        over = {"mean": {name: self.mean(name) for name in self.methods}}
        over["deviation"] = {name: self.deviation(name) for name in self.methods}
        return named | finite(over)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class FoldEvaluation:
    """What a fold leaves behind: the scores of its test part."""

    evaluation: Any
    higher: bool
    size: int

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Plain values, and arrays by name."""
        return {"higher": self.higher, "size": self.size, "evaluation": self.evaluation.to_json()}, {}

    @classmethod
    def from_parts(cls, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> FoldEvaluation:
        """What `to_parts` gave."""
        kind = ClassEvaluation if record["higher"] else NumberEvaluation
        return cls(kind.from_json(record["evaluation"]), record["higher"], record["size"])


def cross_validate(
    estimator: Any,
    data: Any,
    labels: Any = None,
    *,
    folds: int = 5,
    by: By = "auto",
    validation: float | int = 0.15,
    seed: int = 0,
    out: str | Path | None = None,
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
        out: folder for the folds' scores; what was cut off goes on from there when it is called again.
        progress: show a bar; None does where there is a terminal.

    Raises:
        ConfigError, SplitError: folds that cannot be, or `out` holds others. TidegateError: as of `fit`.

    >>> from tidegate import Regressor
    >>> levels = np.arange(24.0)
    >>> recordings = [np.full((5, 1), level) for level in levels]
    >>> found = cross_validate(Regressor(hidden_size=4, max_epochs=1), recordings, levels, folds=2, progress=False)
    >>> found.sizes, found.criterion, found.columns()["fold"][:2].tolist()
    ((12, 12), 'rmse', [1, 2])
    """
    require_verb(estimator, "cross_validate")
    if validation == 0:
        raise ConfigError(tr("validation=0: the epoch is chosen on a validation part; give it a share such as 0.15"))
    from tidegate.train.progress import Progress, ProgressBar

    estimator.check()
    sequences = estimator.read(data, labels, **reading)
    place, chosen, notes = deal_folds(sequences, folds, by, seed)
    how = {"folds": folds, "by": by, "validation": validation, "seed": seed}
    what = {"model": estimator.get_params(), "cross-validation": how}
    store = FoldStore(out, "cross-validation", lambda: {**what, "data": data_fingerprint(sequences)})

    def make(fold: int) -> FoldEvaluation:
        rest, test = np.flatnonzero((place != fold) & (place >= 0)), np.flatnonzero(place == fold)
        inner = partition(sequences.take(rest), validation=validation, test=0, by=chosen, seed=seed)  # type: ignore[arg-type]
        parts = Partition(rest[inner.train], rest[inner.validation], test, chosen)
        model = type(estimator)(**estimator.get_params())
        with ProgressBar(progress) as bar:
            model._fit_parts(sequences, parts, Progress(bar=bar))
        higher = isinstance(model.labels_, ClassLabels)
        return FoldEvaluation(evaluate_part(model, "test").evaluation, higher, len(test))

    done = [store.result(fold, FoldEvaluation, partial(make, fold)) for fold in range(folds)]
    found = tuple(fold.evaluation for fold in done)
    criteria = [own.criterion for own in found]
    criterion = next((name for name in criteria if name != "accuracy"), criteria[0])
    result = CrossValidation(
        **OverFolds.gather(found, criterion, higher=done[0].higher),
        sizes=tuple(fold.size for fold in done),
        by=chosen,
        evaluations=found,
        notes=(*sequences.notes, *notes),
        like=data,
    )
    store.finish(result.to_json())
    return result
