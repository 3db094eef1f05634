"""Checks of what the model has learnt: nothing but the last value, or more than there is to know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.diagnose import finding
from tidegate.diagnose.checks.curve import errors_of
from tidegate.diagnose.evidence import Case, Evidence
from tidegate.diagnose.examine import Examined
from tidegate.diagnose.finding import Finding
from tidegate.diagnose.measure import channels
from tidegate.evaluate.forecast.baselines import fill_forward
from tidegate.evaluate.forecast.evaluation import TOO_GOOD, WALK
from tidegate.evaluate.forecast.lagcopy import NEAR, against_last
from tidegate.evaluate.verdict import skill_of

LITTLE = 0.05  # skill against repeating the last value
SHOWN = 120  # neighbouring windows that a figure shows
TELLS = 0.95  # squared correlation of one column with the target to be forecast
NEWS = 0.9  # the same with the target's change since the last value
BETTER = 0.03  # share by which a forecast must be better than a constant to show that there is something to learn
CHANCE = 0.01  # of taking independent values for dependent ones
FEW_ROWS = 30
BEATEN = ("loses", "worse", "exact")  # keys of such a verdict


def lag_copy(case: Case, examined: Examined) -> list[Finding]:
    """The forecast is the last value, shifted: skill against repeating it near zero, and forecasts close to it."""
    forecast, actual = examined.measures.raw("validation")
    last = np.broadcast_to(last_values(case, examined.measures.origins["validation"])[:, None, :], actual.shape)
    pairs = [against_last(actual[:, :, c], forecast[:, :, c], last[:, 0, c]) for c in range(actual.shape[2])]
    skill, moved = (float(np.nanmean(values)) if np.isfinite(values).any() else np.nan for values in np.array(pairs).T)
    if not (moved <= NEAR and skill <= LITTLE):
        return []
    seen = {"moved": moved, "skill": skill}
    return [Finding("lag_copy", "warning", seen, {"network.normalise": "last"}, _neighbours(case))]


def _neighbours(case: Case) -> finding.Figure | None:
    """Actual values and forecasts of the last neighbouring validation windows, at one step ahead."""
    rows = case.origins["validation"]
    rows = rows[-SHOWN:]
    rows = rows[rows >= rows[-1] - (len(rows) - 1)]  # of one series, one row apart
    if len(rows) < 2:
        return None
    step = min(case.horizon, 6)
    lines = {
        "actual": case.prepared.raw_target(rows, case.horizon)[:, step - 1, 0].tolist(),
        "forecast": case.forecast(rows)[:, step - 1, 0].tolist(),
    }
    x = list(range(1, len(rows) + 1))
    return {"kind": "curve", "x": x, "lines": lines, "marks": {}, "step": step}


def leak(case: Case, examined: Examined) -> list[Finding]:
    """A column tells the target it should help to forecast, or the model is better than is credible."""
    shares = telling_columns(case, examined)
    column, (share, kind) = max(shares.items(), key=lambda item: item[1][0], default=("", (0.0, "")))
    if share > TELLS:
        kept = [name for name in case.config.get(kind, ()) if name != column]
        evidence = {"column": column, "share": share, "kind": kind, "skill": examined.skill}
        ranked = sorted(((name, each) for name, (each, _) in shares.items()), key=lambda item: -item[1])
        return [Finding("leak", "critical", evidence, {kind: kept}, finding.bars(ranked))]
    evaluation = examined.evaluation
    repeat = skill_of(evaluation.overall["model"]["mae"], evaluation.overall["repeat_last"]["mae"])
    walk = "walk" in evaluation.verdict.warnings and repeat > 5 * WALK
    if examined.skill <= TOO_GOOD and not walk:
        return []
    evidence = {"column": "", "share": 0.0, "kind": "walk" if walk else "skill", "skill": max(examined.skill, repeat)}
    figure = errors_of(examined)
    return [Finding("leak", "warning", evidence, {}, None if figure is None else figure | {"of": "errors"})]


def telling_columns(case: Case, examined: Examined) -> dict[str, tuple[float, str]]:
    """Covariate -> how much of the target it gives away, and its kind ("known" or "observed")."""
    past, future, _, target, observed = (part.numpy() for part in case.batch(examined.measures.origins["train"]))
    last = past[:, -1, : target.shape[2]]
    names = case.prepared.preparation
    found: dict[str, tuple[float, str]] = {}
    for kind in ("known", "observed"):
        for column in getattr(case.table.schema, kind):
            inputs = future if kind == "known" else past[:, -1:]
            places = channels(names.future_names if kind == "known" else names.past_names, column)
            shares = [
                _gives_away(inputs[:, :, place], target[:, :, c], last[:, c], observed[:, :, c])
                for place in places
                for c in range(target.shape[2])
            ]
            found[column] = max(shares, default=0.0), kind
    return found


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


def beaten(case: Evidence) -> list[Finding]:
    """A baseline that is better by more than chance explains, in the first part where one is."""
    for part, verdict in case.verdicts().items():
        if verdict.key in BEATEN:
            shown = {name: verdict.values[name] for name in ("metric", "model", "baseline", "reference")}
            return [Finding("beaten", "warning", {"part": part, **shown})]
    return []


def independent(case: Case, examined: Examined) -> list[Finding]:
    """Neither the model nor a baseline beats a constant, and no lag of the training rows has a correlation.

    A correlation counts beyond z / sqrt(n) with z at CHANCE for all lags together (Bonferroni), of ranks, so that one
    huge value decides nothing.
    """
    from scipy.stats import norm, rankdata

    overall, criterion = examined.evaluation.overall, examined.evaluation.criterion
    errors = {name: scores[criterion] for name, scores in overall.items() if np.isfinite(scores[criterion])}
    constants = [errors[name] for name in ("mean", "median") if name in errors]
    if not constants or "model" not in errors or min(errors.values()) < (1 - BETTER) * min(constants):
        return []
    lags = max(case.window, 2 * max(case.table.frequency.seasons(), default=1))
    highest, rows = 0.0, 0
    for name in case.table.schema.targets:
        for first, end in case.split.train:
            y = case.table.columns[name][first:end].astype(np.float64)
            y = rankdata(y[~np.isnan(y)])
            if len(y) < FEW_ROWS or y.std() == 0.0:
                return []
            y = (y - y.mean()) / y.std()
            count, rows = min(lags, len(y) // 2), max(rows, len(y))
            own = np.array([np.dot(y[k:], y[:-k]) for k in range(1, count + 1)]) / len(y)
            if np.abs(own).max() > norm.isf(CHANCE / (2 * count * len(case.split.train))) / len(y) ** 0.5:
                return []
            highest = max(highest, float(np.abs(own).max()))
    evidence = {"error": errors["model"], "baseline_error": min(constants), "highest": highest, "rows": rows}
    return [Finding("independent", "warning", evidence)]
