"""Leak audit: replace what lies after a cutoff, run the pipeline again, and require the same bits before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.data.zones import to_local
from tidegate.evaluate.audit import Audit, Check, Finding, Stage, compare, conclude, copied_target, put_questions
from tidegate.evaluate.poison import poison
from tidegate.tasks.folding import Clock
from tidegate.tasks.pipeline import fitted_copy, stages_of
from tidegate.tasks.rolling import table_of

ORIGINS = 3  # forecasts in the test part that are audited one by one


def audit(
    subject: Any,
    data: Any = None,
    *,
    cutoff: float | str | None = None,
    validation: Any = 0.1,
    test: Any = 0.2,
    gap: int = 0,
    horizon: int = 1,
    seed: int = 0,
    **reading: Any,
) -> Audit:
    """Prove on your own data that no forecast depends on what comes after it.

    Every value after a cutoff is replaced three times: by wild noise, by extremes, by nothing. What the pipeline
    makes of the rows before has to stay the same, bit for bit, stage by stage: fitted preparation, prepared inputs,
    training windows, weights, forecasts. Known-ahead covariates and static ones are left as they are: they may be seen.
    That a column was truly known ahead cannot be proved; that it is a copy of the target is found.

    Args:
        subject: a `Forecaster` (its options count; it is trained for a few steps, which is enough, as equality is
            tested and not quality), or a pipeline of your own:
            a function `(columns, cutoff) -> mapping` of whatever it made before the cutoff, in the order made, or an
            object with `fit(columns, cutoff)` and `predict(columns, cutoff)`, and if it likes `transform(columns)` and
            `windows(columns, cutoff)`; what it learned is read from its attributes that end in an underscore.
            `columns` is name -> array [N], rows in order of time within each series; `cutoff` is the first time (or
            row number) that must not be seen. Arrays of N rows are compared in the rows before it, all others whole.
        data: as for `fit`; None takes the table that a forecaster was fitted on.
        cutoff: for a pipeline of your own: a share of the clock (None: 0.8), or a time.
        validation, test, gap: for a forecaster: its split, as for `fit`.
        horizon: for a pipeline of your own: K, how far its forecasts reach.
        seed: of the noise.
        reading: columns and options of `tidegate.read`. Columns of neither kind are not passed on: name covariates as
            known or observed.

    Returns:
        `Audit`: print it, or see `.passed` and `.findings`.

    Raises:
        DataError: two runs on the same data differ (set the seeds), or the pipeline runs on no poisoned copy.
    """
    from tidegate.tasks.forecaster import Forecaster

    table = table_of(subject, data, reading)
    if isinstance(subject, Forecaster):
        from tidegate.tasks.selfaudit import audit_forecaster

        require("torch", extra="train", purpose="train")
        subject.check()
        extra = copies(table, subject.horizon)
        return audit_forecaster(subject, table, {"validation": validation, "test": test, "gap": gap}, seed, extra)
    return _audit_pipeline(subject, table, cutoff, seed, copies(table, horizon))


def _audit_pipeline(
    subject: Any, table: Table, cutoff: float | str | None, seed: int, extra: Sequence[Finding]
) -> Audit:
    clock = Clock.of(table)
    place = _place(table, clock, cutoff)
    later = clock.places >= place
    at = table.time[later].min() if table.schema.time is not None else place
    columns = as_columns(table, clock)
    names = poisoned_names(table)

    fitted = fitted_copy(subject, copied(columns), at)

    def run(changed: Mapping[str, Any]) -> Sequence[Stage]:
        return stages_of(subject, fitted, copied(changed), at, table, later)

    clean = run(columns)
    again = compare(clean, run(columns), "", "noise")
    if again is not None:
        raise DataError(
            f"two runs of the pipeline on the same data differ in {again.stage!r} ({again.place.part or 'at once'}): "
            "set its seeds, and let it start anew in each run"
        )
    shown = show_time(table, at)
    checks = put_questions(lambda kind, which: run(poison(columns, which, later, kind, seed)), clean, names, shown)
    found = conclude(checks, extra)
    if found.findings:
        return found
    earlier = poison(columns, table.schema.targets, ~later, "noise", seed)
    return conclude(checks, [*extra, *_blind(clean, lambda: run(earlier), shown)])


def copied(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays that a pipeline may write into."""
    return {name: np.array(values) for name, values in columns.items()}


def _blind(clean: Sequence[Stage], run: Any, cutoff: str) -> list[Finding]:
    """A finding where nothing moves although the past was replaced: an audit of it would prove nothing."""
    try:
        moved = compare(clean, run(), cutoff, "noise")
    except Exception:
        return []  # it looked at the past, or it would not have stumbled over it
    return [] if moved is not None else [Finding("blind")]


def copies(table: Table, horizon: int) -> list[Finding]:
    """Known-ahead columns that are the target itself."""
    found = []
    series = np.repeat(np.arange(len(table.ids)), table.lengths)
    for name in table.schema.known:
        for target in table.schema.targets if table.numeric(name) else ():
            shift = copied_target(table.columns[target], table.columns[name], series, horizon)
            if shift is not None:
                found.append(Finding("copy", values={"column": name, "target": target, "shift": shift}))
                break
    return found


def poisoned_names(table: Table) -> tuple[str, ...]:
    """Columns whose later values nobody may know: targets and observed covariates."""
    known = set(table.schema.known)
    return tuple(name for name in (*table.schema.targets, *table.schema.observed) if name not in known)


def poisoned(table: Table, names: Sequence[str], rows: NDArray[np.bool_], kind: str, seed: int) -> Table:
    """A table with some columns poisoned in some rows."""
    return replace(table, columns=poison(table.columns, names, rows, kind, seed))


def as_columns(table: Table, clock: Clock) -> dict[str, Any]:
    """Time, series, columns and static covariates, row by row, as a pipeline of the user's own gets them."""
    schema = table.schema
    columns: dict[str, Any] = {schema.time or "row": table.time if schema.time is not None else clock.places}
    series = np.repeat(np.arange(len(table.ids)), table.lengths)
    if schema.series is not None or len(table.ids) > 1:
        columns[schema.series or "series"] = np.array(table.ids, dtype=object)[series]
    columns |= table.columns
    return {**columns, **{name: values[series] for name, values in table.static.items()}}


def _place(table: Table, clock: Clock, cutoff: float | str | None) -> int:
    """The cutoff as a place on the clock."""
    share = 0.8 if cutoff is None else cutoff
    if isinstance(share, float):
        if not 0 < share < 1:
            raise ConfigError(f"cutoff={share} is a share of the clock above 0 and below 1, or a time")
        return max(1, int(share * clock.length))
    if table.schema.time is None or table.time.dtype.kind != "M":
        return int(share)
    try:
        moment = np.datetime64(share, "us")
    except (ValueError, TypeError):
        raise ConfigError(f"cutoff={share!r} is no time; write it as '2024-12-31' or '2024-12-31 06:00'") from None
    later = table.time >= moment
    if not later.any() or later.all():
        raise ConfigError(f"cutoff={share!r} leaves nothing before it, or nothing after it")
    return int(clock.places[later].min())


def show_time(table: Table, moment: Any) -> str:
    """A time of the table on its clock, for people."""
    if not isinstance(moment, np.datetime64):
        return str(moment)
    if table.timezone is not None:
        moment = to_local(np.array([moment]), table.timezone)[0]
    text = str(moment.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(":00")


__all__ = ["Audit", "Check", "audit"]
