"""Leak audit: replace what lies after a cutoff, run the pipeline again, and require the same bits before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidegate.core.errors import ConfigError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.evaluate.leaks.audit import Audit, Check, Finding, Stage, conclude, put_questions, require_same, unmoved
from tidegate.evaluate.leaks.perturb import perturb
from tidegate.tasks.audit.perturb import as_columns, copied, copies, perturbed_names, show_time
from tidegate.tasks.audit.pipeline import fitted_copy, stages_of
from tidegate.tasks.estimator import Estimator
from tidegate.tasks.resample.folds import Clock
from tidegate.tasks.tables import own_table
from tidegate.tasks.verbs import require_verb


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
        DataError: two runs on the same data differ (set the seeds), or the pipeline runs on no perturbed copy.
    """
    require_verb(subject, "audit")
    if getattr(subject, "task", "") in ("classifier", "regressor"):
        if cutoff is not None or gap:
            raise ConfigError(tr("cutoff and gap are for rows on one clock: sequences have none; leave them out"))
        found: Audit = subject.audit(data, validation=validation, test=test, seed=seed, **reading)
        return found
    table = own_table(subject, data, reading)
    if isinstance(subject, Estimator):
        require("torch", extra="train", purpose="train")
        from tidegate.tasks.audit.forecaster import audit_forecaster
        from tidegate.tasks.forecast.choices import with_horizon

        model: Any = subject
        model.check()
        model = with_horizon(model, table)
        extra = copies(table, model.horizon)
        return audit_forecaster(model, table, {"validation": validation, "test": test, "gap": gap}, seed, extra)
    return _audit_pipeline(subject, table, cutoff, seed, copies(table, horizon))


def _audit_pipeline(
    subject: Any, table: Table, cutoff: float | str | None, seed: int, extra: Sequence[Finding]
) -> Audit:
    clock = Clock.of(table)
    place = _place(table, clock, cutoff)
    later = clock.places >= place
    at = table.time[later].min() if table.schema.time is not None else place
    columns = as_columns(table, clock)
    names = perturbed_names(table)

    fitted = fitted_copy(subject, copied(columns), at)

    def run(changed: Mapping[str, Any]) -> Sequence[Stage]:
        return stages_of(subject, fitted, copied(changed), at, table, later)

    clean = run(columns)
    require_same(clean, run(columns), training=False)
    shown = show_time(table, at)
    checks = put_questions(lambda kind, which: run(perturb(columns, which, later, kind, seed)), clean, names, shown)
    found = conclude(checks, extra)
    if found.findings:
        return found
    earlier = perturb(columns, table.schema.targets, ~later, "noise", seed)
    return conclude(checks, [*extra, *unmoved(clean, lambda: run(earlier))])


def _place(table: Table, clock: Clock, cutoff: float | str | None) -> int:
    """The cutoff as a place on the clock."""
    share = 0.8 if cutoff is None else cutoff
    if isinstance(share, float):
        if not 0 < share < 1:
            raise ConfigError(tr("cutoff={share} is a share of the clock above 0 and below 1, or a time", share=share))
        return max(1, int(share * clock.length))
    if table.schema.time is None:
        later = clock.places >= int(share)
    else:
        try:
            later = table.time >= (np.datetime64(share, "us") if table.time.dtype.kind == "M" else int(share))
        except (ValueError, TypeError):
            raise ConfigError(
                tr("cutoff={share!r} is no time; write it as '2024-12-31' or '2024-12-31 06:00'", share=share)
            ) from None
    if not later.any() or later.all():
        raise ConfigError(tr("cutoff={share!r} leaves nothing before it, or nothing after it", share=share))
    return int(clock.places[later].min())


__all__ = ["Audit", "Check", "audit"]
