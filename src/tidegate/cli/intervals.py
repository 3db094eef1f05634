"""`tidegate intervals`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.derive import late
from tidegate.cli.output import Json, Moved, check_output, print_json, say
from tidegate.cli.runs import opened
from tidegate.cli.training import reads
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

USUAL = 80.0


def register(app: typer.Typer, words: Collection[str] | None) -> None:
    """Add the command."""
    text = tr("Nominal and achieved coverage of a run's intervals: plain, split, adaptive.")
    app.command("intervals", help=text)(late(words, "intervals", lambda: reads(intervals)))


def intervals(
    run: Annotated[Path, typer.Argument(help=tr("Folder of a run."))],
    level: Annotated[
        list[float] | None,
        typer.Option(help=tr("Interval to look at, in percent; more than once. The run's own, or 80, if not given.")),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.0, help=tr("How fast the adaptive ones follow the errors."))] = 0.05,
    data: Moved = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help=tr("CSV, Parquet or JSON file for the intervals of every window of the test part.")
        ),
    ] = None,
    as_json: Json = False,
    *,
    reading: dict[str, Any],
) -> None:
    """What intervals hold."""
    from tidegate.data.emit import write_columns

    check_output(out)
    if out is not None and len(level or ()) > 1:
        raise ConfigError(tr("--out holds the intervals of one level; give --level once"))
    model = opened(run, "intervals", data, **reading)
    forecasts = model.task == "forecaster"
    how = {"rate": rate} if forecasts else {}
    usual = own_levels(model.decoding_.quantiles) if forecasts else [USUAL]
    found = [model.intervals(level=one, **how) for one in level or usual]
    if as_json:
        print_json([item.to_json() for item in found])
    else:
        print("\n\n".join(f"{item}\n{item.verdict()}" for item in found))
    if out is not None:
        write_columns(found[0].columns(), out)
        say(tr("{rows} rows in {path}", rows=found[0].actual.size, path=out))


def own_levels(quantiles: tuple[float, ...]) -> list[float]:
    """Levels in percent of the central intervals among quantiles, narrowest first; 80 where there are none."""
    pairs = [low for low in quantiles if low < 0.5 and any(abs(low + high - 1) < 1e-9 for high in quantiles)]
    return sorted(round(100 * (1 - 2 * low), 6) for low in pairs) or [USUAL]
