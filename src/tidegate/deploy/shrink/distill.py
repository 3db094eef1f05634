"""A smaller student that learns from a run's model what the data alone would teach it less well."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.translate import tr
from tidegate.deploy.shrink.forms import Form, Forms, measured
from tidegate.deploy.shrink.judge import METRICS
from tidegate.nn.network import build_network
from tidegate.runtime.model import Model, load
from tidegate.tasks.forecast.examples import taught
from tidegate.tasks.open import Stored, open_run, run_folder, write_again
from tidegate.tasks.run import check_folder
from tidegate.train.label_losses import taught as taught_classes

TASKS = ("forecaster", "classifier", "language")


def distill(
    run: str | Path,
    *,
    hidden_size: int | None = None,
    share: float = 0.5,
    out: str | Path | None = None,
    alone: bool = True,
    data: Any = None,
    overwrite: bool = False,
    **reading: Any,
) -> Forms:
    """Train a student with fewer units on a run's data and parts, its targets mixed with what the teacher says.

    Forecasts are mixed with the values that came; of classes and tokens the teacher's probabilities join the loss.

    Args:
        run: folder of the run of a forecaster, a classifier or a language model, the teacher.
        hidden_size: units of the student; None takes half the teacher's, about a quarter of the parameters.
        share: of the teacher in what the student learns from; the rest is what came.
        out: folder of the student's run; None puts `-student` behind the run's name. alone: train the same student
            without a teacher too, to compare with; it is left in a folder with `-alone` behind.
        data, reading: of the training, where they have moved. overwrite: what is there.

    Returns:
        Teacher, student and student alone on the test part. The last note says how much of the teacher's skill over the
        best baseline the student keeps.

    Raises:
        ConfigError: a run of another task, or options that cannot be. OutputError: `out` is taken.
    """
    if not 0 < share <= 1:
        raise ConfigError(tr("share is above 0 and at most 1; got {given}", given=share))
    source = run_folder(run)
    target = Path(out) if out is not None else source.with_name(f"{source.name}-student")
    places = [target, target.with_name(f"{target.name}-alone")][: 1 + alone]
    for place in places:
        check_folder(place, replace=overwrite)
    teacher, stored = open_run(run, data, **reading), Stored.read(run)
    if teacher.task not in TASKS or getattr(getattr(teacher, "labels_", None), "multiple", False):
        message = "distill is for a forecaster, a language model or a classifier of one class each; {run} is a {task}"
        raise ConfigError(tr(message, run=run, task=teacher.task))
    own = load(source)
    units = max(1, own.spec.encoder.hidden_size // 2) if hidden_size is None else hidden_size
    changes: dict[str, Any] = {"hidden_size": units}
    if teacher.task == "forecaster":
        changes |= {"window": own.spec.window, "preset": None}
    with _taught(teacher, own, share):
        student = _again(teacher, changes)
    write_again(student, places[0], stored)
    if alone:
        write_again(_again(teacher, changes), places[1], stored)
    names = [("teacher", source), ("student", places[0]), ("student alone", places[1] if alone else None)]
    named = [(name, load(place), place) for name, place in names if place is not None]
    forms = measured(teacher, named)[0]
    metric = METRICS[teacher.task]
    return Forms(metric=metric, forms=tuple(forms), notes=(_kept(student, forms, metric),))


def _taught(teacher: Any, own: Model[Any, Any], share: float) -> AbstractContextManager[None]:
    """Where trainings learn from the teacher."""
    if teacher.task == "forecaster":
        return taught(teacher.run_, share, 0 if teacher.decoding_.point else teacher.decoding_.middle)
    return taught_classes(build_network(own.spec, dict(own.weights.items())), share)


def _again(teacher: Any, changes: dict[str, Any]) -> Any:
    """The same on the same parts, with other options."""
    if teacher.task != "classifier":
        return teacher.retrained(changes)
    other = teacher.variant(changes)
    other._fit_parts(teacher.fitted_.sequences, teacher.fitted_.parts)
    other.reading_ = teacher.reading_
    return other


def _kept(student: Any, forms: list[Form], metric: str) -> Note:
    """How much of the teacher's lead over the best baseline is left."""
    evaluation = student.evaluated_.evaluation if student.evaluated_ is not None else None
    parameters = f"{100 * forms[1].parameters / forms[0].parameters:.0f}"
    best = None if evaluation is None else evaluation.best_baseline
    if evaluation is not None and best is not None and metric == "accuracy":
        message = (
            "The student has {parameters} % of the parameters; it is right in {own} % of the test part, the teacher in "
            "{teacher} %, the best baseline in {baseline} %."
        )
        scores = (forms[1].score, forms[0].score, evaluation.overall[best][metric])
        shown = dict(zip(("own", "teacher", "baseline"), (f"{100 * value:.1f}" for value in scores), strict=True))
        return Note("distilled", message, {"parameters": parameters, **shown})
    if evaluation is None or best is None or metric != "mae":
        return Note("distilled", "The student has {parameters} % of the parameters.", {"parameters": parameters})
    baseline = evaluation.overall[best]["mae"]
    teacher, own = (1 - form.score / baseline for form in forms[:2])
    values = {
        "parameters": parameters,
        "baseline": f"{baseline:.4g}",
        "own": f"{100 * own:.1f}",
        "teacher": f"{100 * teacher:.1f}",
    }
    message = (
        "The student has {parameters} % of the parameters; it is {own} % better than the best baseline (MAE "
        "{baseline}), the teacher {teacher} %."
    )
    return Note("distilled", message, values)
