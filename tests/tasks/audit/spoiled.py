"""Every kind of bad input, as a file and arguments, and what the error must say."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.tasks.forecast.models import hours, wave

ROWS = 120
HEAD = "time,y"
LINES = [f"{time},{value:.4f}" for time, value in zip(hours(ROWS).astype("datetime64[s]"), wave(ROWS), strict=True)]


@dataclass(frozen=True)
class Case:
    """A CSV file's text (None: no file), how to read it, options of the forecaster, and the error's text."""

    text: str | None
    says: str
    columns: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)


def file(lines: list[str], head: str = HEAD) -> str:
    return "\n".join([head, *lines]) + "\n"


def edit(change: Callable[[list[str]], Any]) -> str:
    lines = list(LINES)
    change(lines)
    return file(lines)


def value(row: int, text: str) -> str:
    return edit(lambda lines: lines.__setitem__(row, f"{lines[row].split(',')[0]},{text}"))


def constant(text: str) -> str:
    return file([f"{line.split(',')[0]},{text}" for line in LINES])


def option(says: str, **options: Any) -> Case:
    return Case(file(LINES), says, options=options)


GOOD = file(LINES)
CASES: dict[str, Case] = {
    "missing file": Case(None, r"table\.csv"),
    "empty file": Case("", "empty"),
    "header only": Case(HEAD + "\n", "no rows"),
    "wrong column": Case(GOOD, r"'demand'.*(time|y)", {"target": "demand"}),
    "wrong time column": Case(GOOD, "'when'", {"time": "when"}),
    "wrong covariate": Case(GOOD, "'heat'", {"known": ["heat"]}),
    "text in a numeric column": Case(value(40, "abc"), "line 42.*'?y'?.*abc|abc.*line 42"),
    "text target": Case(constant("warm"), "y"),
    "all missing": Case(constant(""), "y"),
    "infinite": Case(value(40, "inf"), "line 42|infinite"),
    "constant": Case(constant("5"), "'y'.*(constant|change|same)|(constant|change|same).*'y'"),
    "unsorted": Case(edit(lambda x: x.__setitem__(slice(10, 12), [x[11], x[10]])), "line 13.*repair"),
    "doubled": Case(edit(lambda x: x.insert(10, x[10])), "2024-01-01 10:00.*repair|line 1[23].*repair"),
    "mixed zones": Case(
        edit(lambda x: x.__setitem__(20, x[20].replace(",", "+02:00,"))),
        "line 22.*(zone|offset)|(zone|offset).*line 22",
    ),
    "not a time": Case(edit(lambda x: x.__setitem__(7, "soon,5")), "line 9.*soon|soon.*line 9"),
    "one cell too many": Case(edit(lambda x: x.__setitem__(7, x[7] + ",5")), "line 9"),
    "series too short": Case(file(LINES[:12]), "window|rows"),
    "window too long": Case(GOOD, "window", options={"window": 200}),
    "horizon too long": Case(GOOD, "horizon|steps", options={"horizon": 100}),
    "no validation part": Case(GOOD, "validation", parts={"validation": 0}),
    "nothing left to train on": Case(GOOD, "train", parts={"validation": 0.4, "test": 0.6}),
    "split beyond the end": Case(GOOD, "test|2031", parts={"test": "2031-01-01"}),
    "share above one": Case(GOOD, "test", parts={"test": 1.5}),
    "negative gap": Case(GOOD, "gap", parts={"gap": -1}),
    "unknown repair": Case(GOOD, "repair(='fix'| fix ).*error, sort, drop, mean", {"repair": "fix"}),
    "unknown zone": Case(GOOD, "Mars", {"timezone": "Mars/Olympus"}),
    "horizon 0": option("horizon is a whole number of at least 1; got 0", horizon=0),
    "horizon in halves": option("horizon is a whole number.*got 1.5", horizon=1.5),
    "window 0": option("window is a whole number of at least 1; got 0", window=0),
    "hidden_size 0": option("hidden_size is a whole number", hidden_size=0),
    "hidden_size huge": option("hidden_size.*65536", hidden_size=70_000),
    "seed negative": option("seed is a whole number", seed=-1),
    "unknown cell": option(
        "cell is one of 'lstm', 'gru', 'peephole', 'coupled', 'slstm', 'mlstm'; got 'rnn'", cell="rnn"
    ),
    "unknown pooling": option("pooling is one of 'auto', 'last', 'attention'", pooling="max"),
    "unknown loss": option("loss is one of 'mse', 'mae', 'huber', 'pinball'", loss="rmse"),
    "pinball without quantiles": option("needs quantiles", loss="pinball"),
    "quantile of 1": option("quantiles lie between 0 and 1", quantiles=[1]),
    "level of 0": option("level is the percentage", level=0),
    "unknown optimizer": option("optimizer is one of 'adam', 'adamw', 'sgd'; got 'lion'", optimizer="lion"),
    "unknown schedule": option("schedule is one of .*got 'linear'", schedule="linear"),
    "unknown fill": option("fill is one of .*got 'zero'", fill="zero"),
    "unknown scale": option("scale is one of .*got 'max'", scale="max"),
    "unknown scale_by": option("scale_by is one of .*got 'row'", scale_by="row"),
    "unknown normalise": option("normalise is one of", normalise="first"),
    "unknown calendar": option("calendar feature 'tide' is unknown", calendar=["tide"]),
    "calendar a number": option("calendar", calendar=5),
    "unknown holidays": option("holidays.*Atlantis|Atlantis", holidays="Atlantis"),
    "dropout of 1": option("dropout", dropout=1),
    "learning rate of 0": option("learning_rate", learning_rate=0),
    "batch of 0": option("batch_size", batch_size=0),
    "epochs of 0": option("max_epochs", max_epochs=0),
    "patience below 0": option("patience", patience=-1),
    "clip below 0": option("clip", clip=-1),
    "segment that does not divide": option("window 12 is not a multiple of segment 5", segment=5),
    "segment of nothing": option("segment is a whole number", segment="auto?"),
    "unknown network option": option("NetworkOptions has no option 'heads'; did you mean 'head'", network={"heads": 3}),
    "unknown head": option("head is one of 'decoder', 'direct'", network={"head": "linear"}),
    "block that does not divide": option("network.block is a divisor of the horizon 6; got 4", network={"block": 4}),
    "lags beyond the window": option("lag 24 reaches back further than the window of 12", network={"lags": [24]}),
    "lags as text": option("lags is", network={"lags": "daily"}),
    "lag 0": option("lags is a whole number of at least 1", network={"lags": [0]}),
    "anchor beyond the window": option("lag 24 reaches back further", network={"anchor": 24}),
    "decoder segment that does not divide": option("decoder's segment 4", network={"decoder_segment": 4}),
    "network a number": option("expected NetworkOptions or a mapping", network=5),
    "unknown preparation": option("PrepareOptions has no option", preparation={"fil": "x"}),
    "log of what is negative": Case(value(40, "-5"), "log1p", options={"preparation": {"target_transform": "log1p"}}),
    "difference lag 0": option("difference_lag", preparation={"difference_lag": 0}),
    "unknown training": option("FitOptions has no option 'epochs'", training={"epochs": 3}),
    "warm-up of a cycle": option("warmup", schedule="one_cycle", training={"warmup": 0.5}),
    "noise below 0": option("noise", augment={"noise": -1}),
}


def write(case: Case, folder: Path) -> Path:
    """The case's file, if it has one."""
    place = folder / "table.csv"
    if case.text is not None:
        place.write_text(case.text)
    return place
