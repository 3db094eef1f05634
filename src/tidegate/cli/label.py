"""`tidegate fit classify`, `tidegate fit regress` and `tidegate compare`."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tidegate.cli.arguments import EVERYDAY, estimator, merge, reading_of, size, written, written_of
from tidegate.cli.options import ensemble, everyday, given, in_panels, signed
from tidegate.cli.output import check_output, print_json, say, say_notes
from tidegate.cli.runs import is_run, opened, refuse_options, settled
from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.translate import tr

READING = ("label", "id", "time", "features", "group", "text", "kind", "tag", "pattern")
MODEL = ("cell", "hidden_size", "num_layers", "window", "tokens", "max_length", "seed")


def register(app: typer.Typer, fit: typer.Typer) -> None:
    """Add the commands."""
    texts = {
        "classify": tr("Say which class a sequence, or each of its steps, belongs to."),
        "regress": tr("Estimate a number for a sequence, or for each of its steps."),
    }
    for name, text in texts.items():
        fit.command(name, help=text)(_command(name))
    text = tr("Train again without each fold of the sequences, and test on it.")
    app.command("cross-validate", help=text)(crossval)
    app.command("crossval", help=text, hidden=True)(crossval)  # the old spelling
    app.command("compare", help=tr("Train several encoders on the same sequences and put them in one table."))(compare)


def options(
    data: str = typer.Argument(
        ...,
        help=tr("CSV, Parquet, JSONL, .ts or .arff file, or a folder of sounds or clips; or a run."),
    ),
    label: list[str] = typer.Option([], help=tr("Column of the label; several for several numbers.")),
    id: str | None = typer.Option(None, help=tr("Column that says which sequence a row belongs to.")),
    time: str | None = typer.Option(None, help=tr("Column that orders the steps of a sequence.")),
    features: list[str] = typer.Option([], help=tr("Columns to look at; all others than these named if not given.")),
    group: str | None = typer.Option(None, help=tr("Column (or part of a file name) never on both sides of a split.")),
    text: str | None = typer.Option(None, help=tr("Column that holds a text.")),
    kind: str | None = typer.Option(
        None, help=tr("What the data are:") + " table|archive|text|tokens|sound|frames|joints"
    ),
    pattern: str | None = typer.Option(None, help=tr("Regular expression of file names, with label and group.")),
    tag: bool = typer.Option(False, "--tag", help=tr("Each step has a label of its own.")),
    read: list[str] = typer.Option(
        [], "--read", help=tr("Any other option of reading as name=value, such as rate=8000 or columns=a,b,c.")
    ),
    cell: str = typer.Option("lstm", help="lstm|gru|peephole|coupled"),
    hidden_size: int = typer.Option(64, help=tr("Units per layer.")),
    num_layers: int = typer.Option(1, help=tr("Recurrent layers.")),
    window: int | None = typer.Option(None, help=tr("Last steps that an answer looks at; all if not given.")),
    tokens: str = typer.Option("word", help=tr("What a text is divided into:") + " word|char|bpe"),
    max_length: int | None = typer.Option(None, help=tr("Steps of a sequence at most; the rest is cut off.")),
    validation: str = typer.Option("0.15", help=tr("Validation part: share or number of sequences.")),
    test: str = typer.Option("0.2", help=tr("Test part: share or number of sequences.")),
    by: str = typer.Option("auto", help=tr("How parts are drawn:") + " auto|stratified|grouped|time|random"),
    epochs: int | None = typer.Option(None, "--max-epochs", help=tr("Passes over the training part, at most.")),
    seed: int = typer.Option(0, help=tr("With the same seed a run repeats bit for bit.")),
    settings: list[str] = typer.Option(
        [], "--set", help=tr("Any other option as name=value, such as dropout=0.5 or network.embed=100.")
    ),
) -> None:
    """What all commands of this module take."""


def run_options(
    out: Path = typer.Option(..., "--out", "-o", help=tr("Folder of the run.")),
    resume: bool = typer.Option(False, "--resume", help=tr("Go on from the checkpoints in --out.")),
    overwrite: bool = typer.Option(False, "--overwrite", help=tr("Take the place of a run that is in --out already.")),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
) -> None:
    """What the commands that leave a run behind take as well."""


def _command(name: str) -> Any:
    def run(**values: Any) -> None:
        _fit(name, values)

    return in_panels(signed(run, options, written, everyday, ensemble, run_options, name=name))


def _estimator(name: str, values: Mapping[str, Any]) -> Any:
    from tidegate.tasks import Classifier, Regressor

    if name not in ("classify", "regress"):
        raise ConfigError(f"--task {name}: choose classify or regress")
    own: dict[str, Any] = {key: values[key] for key in MODEL} | given(values)
    if values["epochs"] is not None:
        own["max_epochs"] = values["epochs"]
    merge(own, values["settings"])
    return estimator(Classifier if name == "classify" else Regressor, own)


def _reading(values: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: values[key] for key in READING if values[key] not in (None, [], False)}
    if "label" in own:
        own["label"] = own["label"][0] if len(own["label"]) == 1 else own["label"]
    return own | written_of(values) | reading_of(values["read"])


def _subject(values: Mapping[str, Any], verb: str, own: tuple[str, ...]) -> tuple[Any, Any, dict[str, Any]]:
    """The estimator, the sequences and how they are divided: of the command's options, or of a run.

    Args:
        values: the command's arguments. verb: what is asked of it. own: names of the options that divide them.

    Raises:
        ConfigError: options beside a run, which has settled them, or a verb that makes no sense for its task.
    """
    parts = {name: values[name] for name in own}
    parts |= {name: size(str(parts[name])) for name in ("validation", "test") if name in parts}
    if is_run(values["data"]):
        refuse_options(
            values["context"], ["task", "epochs", "settings", *READING, "read", *MODEL, *EVERYDAY], values["data"]
        )
        model = opened(values["data"], verb)
        return model, model.fitted_.sequences, settled(values["context"], values["data"], parts)
    from tidegate.data.sequences import read_sequences

    model = _estimator(values["task"], values)
    return model, read_sequences(values["data"], **_reading(values)), parts


def _parts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"validation": size(values["validation"]), "test": size(values["test"]), "by": values["by"]}


def _fit(name: str, values: Mapping[str, Any]) -> None:
    """Read, train, evaluate, write the run folder, print the table and the verdict."""
    require("torch", extra="train", purpose="train")
    from tidegate.data.sequences import read_sequences
    from tidegate.tasks.run import write_findings

    model, reading, out, quiet = _estimator(name, values), _reading(values), values["out"], values["quiet"]
    sequences = read_sequences(values["data"], **reading)
    if not quiet:
        say_notes(sequences.notes)
    model.fit(
        sequences,
        **_parts(values),
        out=out,
        resume=values["resume"],
        overwrite=values["overwrite"],
        progress=False if quiet else None,
        source={**reading, "data": str(Path(values["data"]).absolute())},
    )
    if not quiet:
        text = "Trained for {epochs} epochs in {seconds:.0f} s."
        say(tr(text, epochs=len(model.history_), seconds=model.seconds_))
        say_notes(note for note in model.notes_ if note not in sequences.notes)
        say("")
    if model.evaluated_ is None:
        say(tr("There is no test part: nothing was judged."))
        if values["as_json"]:
            print_json(None)
        return
    if values["as_json"]:
        print_json(model.evaluated_.evaluation.to_json())
    else:
        print(model.evaluated_.evaluation)
    findings = model.diagnose()
    write_findings(out, findings)
    if not quiet:
        say("\n" + findings.summary())
    report = _report(model, findings, out, shlex.join(["tidegate", "fit", name, *_words(values)]))
    say(tr("Report: {path}", path=report))


def _report(model: Any, findings: Any, out: Path, command: str) -> Path:
    from tidegate.report.run import report_run

    return report_run(out / "report.html", model, model.evaluated_, command=command, findings=findings)


def _words(values: Mapping[str, Any]) -> list[str]:
    """The command's arguments again, without those at their defaults."""
    sources = (options, everyday, ensemble)
    named = [item for source in sources for item in inspect.signature(source).parameters.items()]
    defaults = {name: parameter.default.default for name, parameter in named}
    words = [values["data"]]
    flags = {"epochs": "--max-epochs", "settings": "--set"}
    for name, value in values.items():
        if name == "data" or name not in defaults or value == defaults[name]:
            continue
        flag = flags.get(name, "--" + name.replace("_", "-"))
        for item in value if isinstance(value, list) else [value]:
            words += [flag] if item is True else [flag, str(item)]
    return [*words, "--out", str(values["out"])]


def _compare(**values: Any) -> None:
    require("torch", extra="train", purpose="train")
    from tidegate.artifacts.atomic import check_writable
    from tidegate.tasks.label.compare import ENCODERS
    from tidegate.tasks.label.compare import compare as run

    out = values["out"]
    if out is not None:
        check_writable(out)
    model, sequences, parts = _subject(values, "compare", ("validation", "test", "by"))
    if not values["quiet"]:
        say_notes(sequences.notes)
    source = model.reading_ if hasattr(model, "reading_") else _reading(values)
    how = {**parts, "progress": False if values["quiet"] else None, "source": source}
    report = None if values["quiet"] else say
    found = run(model, sequences, encoders=values["encoder"] or tuple(ENCODERS), report=report, **how)
    if out is not None:
        from tidegate.report.comparison import write_comparison

        say(tr("Comparison: {path}", path=write_comparison(out, found, title=Path(values["data"]).name)))
    if values["as_json"]:
        print_json(found.to_json())
    else:
        print(found)


def compare_options(
    task: str = typer.Option("classify", help="classify|regress"),
    encoder: list[str] = typer.Option([], help=tr("Encoder to try, more than once; all if not given.")),
    out: Path | None = typer.Option(
        None, "--out", "-o", help=tr("Folder for the table (CSV, JSON, a page) and the best model.")
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
) -> None:
    """What `compare` takes as well."""


compare = in_panels(signed(_compare, options, written, everyday, ensemble, compare_options, name="compare"))


def crossval_options(
    task: str = typer.Option("classify", help="classify|regress"),
    folds: int = typer.Option(5, help=tr("Folds; each is tested once.")),
    out: Path | None = typer.Option(
        None, "--out", "-o", help=tr("CSV, Parquet or JSON file for the scores of every fold.")
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help=tr("Print the result alone.")),
    as_json: bool = typer.Option(False, "--json", help=tr("Print the scores as JSON.")),
) -> None:
    """What `crossval` takes as well."""


def _crossval(**values: Any) -> None:
    require("torch", extra="train", purpose="train")
    from tidegate.data.emit import write_columns
    from tidegate.tasks.resample.cross_validate import cross_validate

    if values["out"] is not None:
        check_output(values["out"])
    model, sequences, parts = _subject(values, "cross_validate", ("validation", "by"))
    how = {"folds": values["folds"], "by": parts["by"], "validation": parts["validation"], "seed": model.seed}
    found = cross_validate(model, sequences, progress=False if values["quiet"] else None, **how)
    if not values["quiet"]:
        say_notes(found.notes)
    if values["out"] is not None:
        write_columns(found.columns(), values["out"])
    if values["as_json"]:
        print_json(found.to_json())
    else:
        print(found)


crossval = in_panels(
    signed(_crossval, options, written, everyday, ensemble, crossval_options, name="crossval", leave=("test",))
)
