"""Checks of what the model has learnt: nothing but the last value, or more than there is to know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose.ablate import channels
from tidegate.diagnose.case import Case
from tidegate.diagnose.examine import Examined
from tidegate.diagnose.finding import Finding
from tidegate.evaluate.baselines import fill_forward
from tidegate.evaluate.verdict import TOO_GOOD, WALK, skill_of

COPY = 0.35  # the forecast moves away from the last value this little, as a share of what the actual values do
LITTLE = 0.05  # skill against repeating the last value
TELLS = 0.95  # squared correlation of one column with the target to be forecast
NEWS = 0.9  # the same with the target's change since the last value


def lag_copy(case: Case, examined: Examined) -> list[Finding]:
    """The forecast is the last value, shifted: skill against repeating it near zero, and forecasts close to it."""
    forecast, actual = examined.measures.raw("validation")
    last = last_values(case, examined.measures.origins["validation"])[:, None, :]
    moved = float(np.nanmean(np.abs(forecast - last)) / max(np.nanmean(np.abs(actual - last)), 1e-12))
    skill = skill_of(float(np.nanmean(np.abs(forecast - actual))), float(np.nanmean(np.abs(last - actual))))
    if moved > COPY or skill > LITTLE:
        return []
    remedy = {} if case.config.get("normalise") == "last" else {"normalise": "last"}
    return [Finding("lag_copy", "warning", {"moved": moved, "skill": skill}, remedy)]


def leak(case: Case, examined: Examined) -> list[Finding]:
    """A column tells the target it should help to forecast, or the model is better than is credible."""
    column, share, kind = telling_column(case, examined)
    if column is not None:
        kept = [name for name in case.config.get(kind, ()) if name != column]
        evidence = {"column": column, "share": share, "kind": kind, "skill": examined.skill}
        return [Finding("leak", "critical", evidence, {kind: kept})]
    evaluation = examined.evaluation
    repeat = skill_of(evaluation.overall["model"]["mae"], evaluation.overall["repeat_last"]["mae"])
    walk = "walk" in evaluation.verdict.warnings and repeat > 5 * WALK
    if examined.skill <= TOO_GOOD and not walk:
        return []
    evidence = {"column": "", "share": 0.0, "kind": "walk" if walk else "skill", "skill": max(examined.skill, repeat)}
    return [Finding("leak", "warning", evidence)]


def telling_column(case: Case, examined: Examined) -> tuple[str | None, float, str]:
    """The covariate that gives the target away, how much of it, and its kind; None where none does."""
    batches = [case.batch(examined.measures.origins["train"])]
    past, future, _, target, observed = (part.numpy() for part in batches[0])
    last = past[:, -1, : target.shape[2]]
    names = case.prepared.preparation
    best: tuple[str | None, float, str] = (None, 0.0, "")
    for kind in ("known", "observed"):
        for column in getattr(case.table.schema, kind):
            inputs = future if kind == "known" else past[:, -1:]
            places = channels(names.future_names if kind == "known" else names.past_names, column)
            for place in places:
                share = _gives_away(inputs[:, :, place], target[:, :, 0], last[:, 0], observed[:, :, 0])
                if share > best[1]:
                    best = (column, share, kind)
    return best if best[1] > TELLS else (None, best[1], "")


def _gives_away(
    inputs: NDArray[np.float32], target: NDArray[np.float32], last: NDArray[np.float32], seen: NDArray[np.bool_]
) -> float:
    """Squared correlation of a column with the target, where it also tells the change since the last value."""
    inputs = np.broadcast_to(inputs, target.shape)
    pairs = [(inputs[:, k][seen[:, k]], target[:, k][seen[:, k]], last[seen[:, k]]) for k in range(target.shape[1])]
    best = 0.0
    for column, value, before in pairs:
        if len(column) < 20 or column.std() < 1e-9:
            continue
        level = _squared(column, value)
        change = _squared(column - before * _slope(column, before), value - before * _slope(value, before))
        if change > NEWS:
            best = max(best, level)
    return best


def _slope(y: NDArray[np.float32], x: NDArray[np.float32]) -> float:
    return float(np.cov(x, y)[0, 1] / max(float(x.var(ddof=1)), 1e-12))


def _squared(x: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    if x.std() < 1e-6 or y.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1] ** 2)


def last_values(case: Case, origins: NDArray[np.int64]) -> NDArray[np.float64]:
    """[B, C] last observed targets before the origins."""
    table = case.table
    columns = [fill_forward(table.columns[name], table.starts)[origins - 1] for name in table.schema.targets]
    return np.stack(columns, axis=1).astype(np.float64)
