"""`tidegate evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from tidegate.artifacts.artifact import read_task
from tidegate.cli.arguments import reading_of, reads
from tidegate.cli.output import print_json, say, say_notes
from tidegate.core.errors import ArtifactError, TidegateError
from tidegate.core.translate import tr

RUNS_NAMED = 5


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("evaluate", help=tr("Scores of a run's test part, or of new rows, beside the baselines."))
    @reads
    def evaluate(
        run: Path = typer.Argument(..., help=tr("Folder of a run or a model.")),
        data: str | None = typer.Argument(None, help=tr("New rows, all of which are scored.")),
        repair: str | None = typer.Option(
            None, help=tr("Disorder and doubled times, as in training if not given:") + " error|sort|drop|mean"
        ),
        label: str | None = typer.Option(
            None, help=tr("Of new data: the column of the label; for a detector, 1 where a row is known as anomalous.")
        ),
        read: list[str] = typer.Option(
            [], "--read", help=tr("Option of reading sequences as name=value, such as broken=skip or text=review.")
        ),
        as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
        *,
        written: dict[str, Any],
    ) -> None:
        from tidegate.tasks.load import load

        _check_run(run)
        reading: dict[str, Any] = ({} if repair is None else {"repair": repair}) | written | reading_of(read)
        if label is not None:
            reading["label"] = label
        found = _stored(run) if data is None else _fresh(run, load(run), data, reading)
        if as_json:
            print_json(found.to_json())
        else:
            print(found)


def _check_run(run: Path) -> None:
    """Refuse a folder that holds no run and no model, and say what is there.

    Raises:
        ArtifactError: nothing is, or a file; a training that was not finished; or runs one folder below.
    """
    if any((run / name).exists() for name in ("metrics.json", "model.json", "model")):
        return
    if (run / "checkpoints").is_dir():
        raise ArtifactError(
            f"{run}: the training was not finished, so there are no scores yet; repeat the command that began it, with "
            "--resume"
        )
    what = "it is a file" if run.is_file() else "there is no such folder"
    if run.is_dir():
        below = sorted(place.parent.name for place in run.glob("*/metrics.json"))
        what = "it has neither metrics.json nor model/"
        if below:
            what += f", but there are runs below it: {', '.join(str(run / name) for name in below[:RUNS_NAMED])}"
    raise ArtifactError(
        f"no run here: {run} ({what}). Name the folder that `tidegate fit ... --out FOLDER` left, or begin one with it"
    )


def _fresh(run: Path, model: Any, data: str, reading: dict[str, Any]) -> Any:
    """Scores of new data; of sequences beside baselines, where the training data are still what they were."""
    if not hasattr(model, "labels_"):
        return model.evaluate(data, **reading)
    from tidegate.tasks.label.reading import recall

    missing = recall(model, run)
    found = model.evaluate(data, **reading)
    say_notes(model.answer_notes_)
    if missing is not None:
        say(tr("No baselines: {why}", why=missing))
    return found


def _kind(task: str) -> Any:
    """What the scores of a task are read as."""
    if task == "classifier":
        from tidegate.evaluate.label import ClassEvaluation

        return ClassEvaluation
    if task == "regressor":
        from tidegate.evaluate.label import NumberEvaluation

        return NumberEvaluation
    if task == "detector":
        from tidegate.evaluate.detect.detector_evaluation import DetectorEvaluation

        return DetectorEvaluation
    from tidegate.evaluate import Evaluation

    return Evaluation


def _stored(run: Path) -> Any:
    from tidegate.tasks.open import run_folder

    place = run_folder(run) / "metrics.json"
    if not place.exists():
        raise ArtifactError(
            f"{run} is a model alone, which has no scores: name the folder of a run, or give new rows to score"
        )
    try:
        metrics = json.loads(place.read_text(encoding="utf-8"))
        state = dict(metrics["test"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(
            f"{place} holds no scores of a test part; name the folder of a run that had one, or give new rows to score"
        ) from error
    try:
        return _kind(read_task(run) if (run / "model").is_dir() else "forecaster").from_json(state)
    except (TidegateError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{place}: the scores cannot be read: {error}") from error
