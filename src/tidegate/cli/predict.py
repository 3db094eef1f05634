"""`tidegate predict`."""

from __future__ import annotations

from pathlib import Path

import typer

from tidegate.cli.arguments import reading_of
from tidegate.cli.detect import predict_detector
from tidegate.cli.output import check_output, say, say_notes
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

NOT_ASKED = ("unlabelled", "lines")  # notes on labels, which an answer does not need


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command("predict", help=tr("Forecast the steps after the end of the data, or judge new ones; needs no torch."))
    def predict(
        run: Path = typer.Argument(..., help=tr("Folder of a run or a model.")),
        data: str | None = typer.Argument(
            None, help=tr("New rows; without them the end of the training data is used.")
        ),
        future: str | None = typer.Option(
            None, help=tr("File with the known-ahead covariates of the steps to forecast.")
        ),
        out: Path | None = typer.Option(
            None, "--out", "-o", help=tr("CSV, Parquet or JSON file; without it CSV is printed.")
        ),
        repair: str | None = typer.Option(
            None, help=tr("Disorder and doubled times, as in training if not given:") + " error|sort|drop|mean"
        ),
        read: list[str] = typer.Option(
            [], "--read", help=tr("Option of reading sequences as name=value, such as broken=skip or text=review.")
        ),
    ) -> None:
        from tidegate.data.emit import Columns, write_columns
        from tidegate.tasks import load

        if out is not None:
            check_output(out)
        model = load(run)
        reading = ({} if repair is None else {"repair": repair}) | reading_of(read)
        if hasattr(model, "score_columns"):
            found = predict_detector(model, data, **reading)
        elif hasattr(model, "forecast_columns"):
            found = model.forecast_columns(data, future=future, **reading)
        elif data is None:
            raise ConfigError("this model answers for sequences: name the file or folder to look at")
        else:
            found = model.predict_columns(data, **reading)
            say_notes(note for note in model.answer_notes_ if note.kind not in NOT_ASKED)
        if out is None:
            print(Columns(found), end="")
            return
        write_columns(found, out)
        say(tr("{rows} rows in {path}", rows=len(next(iter(found.values()))), path=out))
