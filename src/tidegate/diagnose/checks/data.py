"""Checks of the data beside the options: scales, window, cycles, drift, outliers, columns, size."""

from __future__ import annotations

import numpy as np

from tidegate.diagnose import finding
from tidegate.diagnose.evidence import Case
from tidegate.diagnose.examine import Examined
from tidegate.diagnose.finding import Finding, Severity
from tidegate.diagnose.measure import NOTHING
from tidegate.evaluate.forecast.season import CYCLES

WIDE = 10.0  # deviation or mean of an input beyond it is badly scaled
NARROW = 0.02  # deviation below it
BEYOND = 0.10  # share of the residuals' variance that values before the window explain
SAME = 0.01  # loss grows by less when the older part of the window is another window's
FAR = 3.0  # a part's level lies so many deviations of the training part away
OUTSIDE = 0.15  # share of a part's values beyond the training part's range
SUFFERS = 1.25  # the model's error grows so much more than the simple method's
LUMP = 3.5  # share of the loss in the top hundredth of the errors, over what normal errors would have
WILD = 10.0  # distance from the median in interquartile ranges
USELESS = 0.005  # validation loss grows by less without the column
SERIES, LONGEST = 20, 50_000  # of a figure: series, and values of each
CAPACITY = 200.0  # weights per observed training value


def scaling(case: Case, examined: Examined) -> list[Finding]:
    """Inputs or targets far from mean 0 and deviation 1."""
    past = case.batch(examined.measures.origins["train"][:256])[0].numpy()
    names = case.prepared.preparation.past_names
    numeric = list(case.prepared.preparation.numeric_inputs)
    flat = past.reshape(-1, past.shape[2])
    center, size = np.abs(flat.mean(axis=0)), flat.std(axis=0)
    flag = (center > WIDE) | (size > WIDE) | ((size < NARROW) & (size > 0) & (center < NARROW))
    bad = [at for at in numeric if flag[at]]
    if not bad:
        return []
    worst = max(bad, key=lambda at: max(center[at], size[at], 1 / max(size[at], 1e-9)))
    evidence = {"column": names[worst], "mean": float(flat[:, worst].mean()), "deviation": float(size[worst])}
    count = sum(at in bad for at in numeric)
    grave = case.config.get("scale") == "none"
    remedy = {"preparation.scale": "standard"} if grave else {"preparation.scale": "robust"}
    severity: Severity = "critical" if grave else "warning"
    sizes = sorted(((names[at], float(max(center[at], size[at]))) for at in numeric), key=lambda item: -item[1])
    return [Finding("unscaled_inputs", severity, evidence | {"columns": count}, remedy, finding.bars(sizes))]


def window(case: Case, examined: Examined) -> list[Finding]:
    """Values before the window still tell something, or most of the window tells nothing."""
    measures = examined.measures
    cycles = [season for season in measures.seasons if season > case.window]
    longest = max([2 * case.window, *(cycles[:1])])
    longest = max(longest, min(2 * case.horizon, 336))
    beyond = measures.unused(case.window + 1, longest)
    if beyond > BEYOND:
        evidence = {"window": case.window, "explained": beyond, "reach": longest}
        severity: Severity = "info" if examined.settled else "warning"
        figure = _memory(case, int(longest * 1.25), window=case.window)
        return [Finding("window_short", severity, evidence, {"window": int(longest)}, figure)]
    kept = [steps for steps, growth in examined.window_use.items() if growth < SAME]
    if not kept or examined.probes.trained < NOTHING or case.window < 32 or min(kept) > case.window / 4:
        return []
    needed = max(min(kept), *examined.lags, 8)
    if needed > case.window / 2:
        return []
    evidence = {"window": case.window, "needed": needed, "growth": max(0.0, examined.window_use[min(kept)])}
    figure = _memory(case, int(case.window * 1.25), window=case.window, needed=int(needed))
    return [Finding("window_long", "info", evidence, {"window": int(needed)}, figure)]


def cycles(case: Case, examined: Examined) -> list[Finding]:
    """A cycle that matters for the horizon was seen too few times."""
    rows = np.diff(case.split.train, axis=1)[:, 0]
    length = float(np.median(rows))
    seasons = case.table.frequency.seasons()
    matter = [season for season in seasons if season <= 8 * case.horizon and length < CYCLES * season]
    if not matter:
        return []
    season = min(matter)
    evidence = {"season": season, "cycles": length / season, "rows": int(length), "needed": CYCLES}
    units, dropout = int(case.config.get("hidden_size", 64)), float(case.config.get("dropout", 0.0))
    remedy = {"hidden_size": min(units, max(8, units // 4)), "dropout": max(dropout, 0.3)}
    first = np.asarray(_parts(case, case.table.schema.targets[0], "train")[0], dtype=np.float64)
    figure = finding.strip(first, np.zeros(len(first), dtype=bool))
    figure["marks"] = {"season": season}
    return [Finding("few_cycles", "warning", evidence, remedy, figure)]


def drift(case: Case, examined: Examined) -> list[Finding]:
    """The later parts lie elsewhere than the training part, and the model suffers."""
    found: tuple[float, float, str, str] = (0.0, 0.0, "", "")
    for name in case.table.schema.targets:
        own = _values(case, name, "train")
        for part in ("validation", "test"):
            later = _values(case, name, part) if part in case.split.parts else own[:0]
            if len(later) < 5:
                continue
            found = max(found, (*moved(own, later), part, name), key=lambda item: item[0] + FAR / OUTSIDE * item[1])
    shift, outside, part, name = found
    if shift < FAR and outside < OUTSIDE:
        return []
    gap = examined.measures.gap(part) if examined.measures.has(part) else 1.0
    severity: Severity = "critical" if gap > 2 * SUFFERS else "warning" if gap > SUFFERS else "info"
    by = case.config.get("normalise")
    remedy = {"network.normalise": by if by in ("last", "mean", "standard") else "last"}
    evidence = {"column": name, "part": part, "shift": shift, "outside": outside, "gap": gap}
    figure = finding.histograms({"train": _values(case, name, "train"), part: _values(case, name, part)})
    return [Finding("drift", severity, evidence, remedy, figure)]


def moved(own: np.ndarray, later: np.ndarray) -> tuple[float, float]:
    """How far later values lie from earlier ones, in their deviations (of both, where the earlier stand still), and the
    share outside their range."""
    spread = float(own.std()) or float(np.concatenate([own, later]).std())
    shift = abs(np.median(later) - np.median(own)) / max(spread, 1e-12)
    return float(shift), float(np.mean((later < own.min()) | (later > own.max())))


def outliers(case: Case, examined: Examined) -> list[Finding]:
    """A hundredth of the errors makes up most of the loss, and the target holds wild values."""
    errors = examined.measures.errors("train")
    flat = np.abs(errors[~np.isnan(errors)])
    flat = flat**2 if case.loss_name == "mse" else flat
    if flat.size < 200:
        return []
    flat.sort()
    share = float(flat[-max(1, flat.size // 100) :].sum() / max(flat.sum(), 1e-30))
    usual = 0.084 if case.loss_name == "mse" else 0.036  # of normal errors
    wild, count, name = 0.0, 0, ""
    for target in case.table.schema.targets:
        values = _values(case, target, "train")
        middle, spread = np.median(values), float(np.subtract(*np.percentile(values, [75, 25])))
        distance = np.abs(values - middle) / max(spread, 1e-12)
        if spread > 0 and distance.max() > wild:
            wild, count, name = float(distance.max()), int((distance > WILD).sum()), target
    if share < LUMP * usual or wild < WILD:
        return []
    remedy = ({"loss": "mae"} if case.loss_name == "mse" else {}) | {"preparation.scale": "robust"}
    evidence = {"share": share, "usual": usual, "wild": wild, "count": count, "column": name}
    series = max(_parts(case, name, "train"), key=lambda part: float(np.nanmax(np.abs(part), initial=0.0)))
    middle = float(np.nanmedian(series))
    reach = WILD * float(np.subtract(*np.nanpercentile(series, [75, 25])))
    figure = finding.strip(series, np.abs(series - middle) > reach, middle - reach, middle + reach)
    return [Finding("outliers", "warning", evidence, remedy, figure)]


def columns(case: Case, examined: Examined) -> list[Finding]:
    """Columns without which the validation loss stays the same."""
    use = examined.column_use
    useless = [name for name, growth in use.items() if growth < USELESS]
    if not useless:
        return []
    kinds = {kind for kind in ("known", "observed") for name in useless if name in case.config.get(kind, ())}
    remedy = {kind: [name for name in case.config[kind] if name not in useless] for kind in sorted(kinds)}
    harms = float(max(-min(use.values()), 0.0))
    many = len(useless) >= 3 and len(useless) >= 0.5 * len(use)
    evidence = {"columns": ", ".join(useless), "count": len(useless), "of": len(use), "harm": harms}
    figure = finding.bars(sorted(((name, 100 * growth) for name, growth in use.items()), key=lambda item: -item[1]))
    return [Finding("useless_features", "warning" if many else "info", evidence, remedy, figure)]


def capacity(case: Case, examined: Examined) -> list[Finding]:
    """Far more weights than training values."""
    ratio = examined.parameters / max(examined.values, 1)
    if ratio < CAPACITY:
        return []
    evidence = {"parameters": examined.parameters, "values": examined.values, "ratio": ratio}
    units = int(case.config.get("hidden_size", 64))
    units = min(units, max(8, units // 4))
    figure = finding.bars([(("weights", {}), examined.parameters), (("values", {}), examined.values)])
    return [Finding("capacity", "info", evidence, {"hidden_size": units}, figure)]


def _parts(case: Case, name: str, part: str) -> list[np.ndarray]:
    """A column's values in a part, one array for each series that has any; at most 20 of these."""
    column, rows = case.table.columns[name], case.split.parts[part]
    held = rows[rows[:, 1] > rows[:, 0]]
    chosen = held[np.linspace(0, len(held) - 1, min(len(held), SERIES)).astype(np.int64)]
    return [np.asarray(column[first:end], dtype=np.float64)[-LONGEST:] for first, end in chosen]


def _memory(case: Case, most: int, **marks: float) -> finding.Figure | None:
    return finding.autocorrelation(_parts(case, case.table.schema.targets[0], "train"), max(most, 2), **marks)


def _values(case: Case, name: str, part: str) -> np.ndarray:
    """Observed values of a column in a part, each series about its own training median where there are several."""
    column, rows = case.table.columns[name], case.split.parts[part]
    step = max(1, int((rows[:, 1] - rows[:, 0]).sum()) // 200_000)
    many = len(rows) > 1
    pieces = []
    for (first, end), (low, high) in zip(rows, case.split.train, strict=True):
        values = np.asarray(column[first:end:step], dtype=np.float64)
        own = np.asarray(column[low:high:step], dtype=np.float64)
        if many and (~np.isnan(own)).any():
            values = (values - np.nanmedian(own)) / max(float(np.nanstd(own)), 1e-12)
        pieces.append(values)
    joined = np.concatenate(pieces) if pieces else np.empty(0)
    return np.asarray(joined[~np.isnan(joined)])
