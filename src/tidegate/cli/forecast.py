"""Training and judging a forecaster for the command line: data in, run folder out, verdict on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.cli.arguments import estimator, table_of
from tidegate.cli.output import print_json, say, say_notes
from tidegate.core.errors import DataError
from tidegate.core.optional import require
from tidegate.core.translate import tr


def run_forecast(
    data: str,
    options: Mapping[str, Any],
    columns: Mapping[str, Any],
    parts: Mapping[str, Any],
    *,
    out: Path,
    unit: str = "",
    resume: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
    as_json: bool = False,
    command: str = "",
    title: str = "",
    audited: bool = False,
) -> None:
    """Read, train, evaluate, write the run folder, print the table and the verdict; where `audited`, audit it too.

    Raises:
        TidegateError: what the user can fix.
    """
    require("torch", extra="train", purpose="train")
    from tidegate.report.run import report_run
    from tidegate.tasks import Forecaster

    model = estimator(Forecaster, options)
    table = table_of(data, columns, quiet)
    model.fit(
        table,
        **parts,
        out=out,
        resume=resume,
        overwrite=overwrite,
        progress=False if quiet else None,
        source={"data": str(Path(data).absolute()), **columns},
    )
    evaluated = model.evaluated_
    if unit:
        from tidegate.tasks.run import remember_unit

        remember_unit(out, unit)
    if not quiet:
        say(
            tr(
                "Trained for {epochs} epochs in {seconds:.0f} s.",
                epochs=len(model.history_),
                seconds=model.seconds_,
            )
        )
        say_notes(note for note in model.notes_ if note not in table.notes)
        say("")
    if evaluated is None:
        say(tr("There is no test part: nothing was judged."))
        return
    evaluation = evaluated.evaluation
    snippet = _snippet(data, model, columns, parts)
    findings = _findings(model, out)
    audit = _audit(model, table, parts, out, quiet) if audited else None
    report = report_run(
        out / "report.html",
        model,
        evaluated,
        title=title,
        unit=unit,
        command=command,
        snippet=snippet,
        findings=findings,
        audit=audit,
    )
    if as_json:
        print_json(evaluation.to_json())
    else:
        print(evaluation)
    if findings is not None and not quiet:
        say("\n" + findings.summary())
    if audit is not None and (not quiet or not audit.passed):
        say("\n" + str(audit))
    say(tr("Report: {path}", path=report))


def _findings(model: Any, out: Path) -> Any:
    """The model's diagnosis, kept in the run; None where there is too little data for one."""
    from tidegate.diagnose import diagnose
    from tidegate.tasks.run import write_findings

    try:
        findings = diagnose(model)
    except DataError:
        return None
    write_findings(out, findings)
    return findings


def _audit(model: Any, table: Any, parts: Mapping[str, Any], out: Path, quiet: bool) -> Any:
    """The leak audit of the same options, data and parts, kept in the run."""
    from tidegate.tasks.run import write_audit

    if not quiet:
        say(tr("Training a few steps on the data and on perturbed copies of it ..."))
    found = model.audit(table, **parts, seed=model.seed)
    write_audit(out, found)
    return found


def _snippet(data: str, model: Any, columns: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    def words(values: Mapping[str, Any]) -> str:
        given = {name: value for name, value in values.items() if says(value)}
        return ", ".join(f"{name}={value!r}" for name, value in given.items())

    fit = ", ".join(filter(None, [repr(data), words(columns), words(parts)]))
    return f"import tidegate as tg\n\nmodel = tg.{model!r}\nmodel.fit({fit})\nprint(model.evaluate())"


def says(value: Any) -> bool:
    """Whether a value is more than the absence of one (0 is)."""
    return value is not None and value is not False and value not in ([], "")
