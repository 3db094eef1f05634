"""`tidegate evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from tidegate.cli.detect import evaluate_detector
from tidegate.cli.output import print_json
from tidegate.core.errors import ArtifactError, TidegateError
from tidegate.core.translate import tr


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("evaluate", help=tr("Scores of a run's test part, or of new rows, beside the baselines."))
    def evaluate(
        run: Path = typer.Argument(..., help=tr("Folder of a run or a model.")),
        data: str | None = typer.Argument(None, help=tr("New rows, all of which are scored.")),
        repair: str | None = typer.Option(
            None, help=tr("Disorder and doubled times, as in training if not given:") + " error|sort|drop|mean"
        ),
        label: str | None = typer.Option(
            None, help=tr("Of a detector's new rows: the column that is 1 where a row is known to be anomalous.")
        ),
        as_json: bool = typer.Option(False, "--json", help=tr("Print JSON.")),
    ) -> None:
        from tidegate.evaluate import Evaluation
        from tidegate.tasks.loading import load, task_of

        reading: dict[str, Any] = {} if repair is None else {"repair": repair}
        found: Any
        if task_of(run) == "detector":
            found = evaluate_detector(run, data, label, reading)
        else:
            found = _stored(run, Evaluation) if data is None else load(run).evaluate(data, **reading)
        if as_json:
            print_json(found.to_json())
        else:
            print(found)


def _stored(run: Path, kind: Any) -> Any:
    place = run / "metrics.json"
    try:
        state = dict(json.loads(place.read_text(encoding="utf-8"))["test"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(
            f"{place} holds no scores of a test part; name the folder of a run that had one, or give new rows to score"
        ) from error
    try:
        return kind.from_json(state)
    except (TidegateError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{place}: the scores cannot be read: {error}") from error
