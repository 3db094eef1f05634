"""What a finding draws: plain numbers by kind, which the report turns into a chart.

A figure is a mapping with a `kind`:

    curve      x [n], lines {key: y [n]}, marks {key: x} (upright), levels [y]
    dots       the same, with a dot for each point of the line named last
    bars       names [n], values [n]: a name is data (a column), or [key, {place: value}]
    histogram  edges [n + 1], shares {key: [n]} in percent

A key is one of `words.NAMES`. Every list is short, so that findings stay small as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Figure = dict[str, Any]
Array = NDArray[np.float64]
Name = str | tuple[str, Mapping[str, Any]]
POINTS = 400
BARS = 12
BINS = 30


def loss_curve(train: Sequence[float], validation: Sequence[float], best: int, **marks: float) -> Figure | None:
    """Training and validation loss by epoch, the kept epoch marked; None with fewer than two epochs."""
    if len(validation) < 2:
        return None
    epochs = list(range(1, len(validation) + 1))
    lines = {"train_loss": list(train), "validation_loss": list(validation)}
    return {"kind": "curve", "x": epochs, "lines": lines, "marks": {"kept": best, **marks}}


def line(x: Sequence[float], y: Sequence[float], name: str) -> Figure | None:
    """One line; None with fewer than two points."""
    return None if len(x) < 2 else {"kind": "curve", "x": list(x), "lines": {name: list(y)}, "marks": {}}


def bars(values: Sequence[tuple[Name, float]]) -> Figure | None:
    """Level bars in the order given, the first `BARS`; numbers that are not finite are left out, None without any."""
    kept = [(name, float(value)) for name, value in values if np.isfinite(value)][:BARS]
    if not kept:
        return None
    names = [name if isinstance(name, str) else [name[0], dict(name[1])] for name, _ in kept]
    return {"kind": "bars", "names": names, "values": [value for _, value in kept]}


def autocorrelation(parts: Sequence[Array], most: int, **marks: float) -> Figure | None:
    """Autocorrelation up to lag `most`, with lags such as the window marked; None where all series stand still.

    r_l = mean over series of  sum_t d_t d_(t+l) / sum_t d_t^2 * n / n_l,   d = value - mean, pairs without gaps
    """
    lags = np.unique(np.linspace(1, most, min(most, POINTS)).astype(np.int64))
    sums, counts = np.zeros(len(lags)), np.zeros(len(lags))
    for part in parts:
        d = part - np.nanmean(part) if np.isfinite(part).any() else part
        power = float(np.nanmean(d * d)) if np.isfinite(d).any() else 0.0
        if power <= 0.0:
            continue
        for place, lag in enumerate(lags.tolist()):
            pairs = d[lag:] * d[:-lag] if lag < len(d) else d[:0]
            seen = np.isfinite(pairs)
            if seen.sum() > 1:
                sums[place] += pairs[seen].mean() / power
                counts[place] += 1
    if not counts[0]:
        return None
    found = sums / np.maximum(counts, 1)
    kept = counts > 0
    lines = {"autocorrelation": found[kept].tolist()}
    return {"kind": "curve", "x": lags[kept].tolist(), "lines": lines, "marks": marks, "levels": [0.0]}


def histograms(values: Mapping[str, Array]) -> Figure | None:
    """How often each value occurs in each part, in percent of the part; None where a part is empty."""
    finite = {name: each[np.isfinite(each)] for name, each in values.items()}
    if not finite or any(each.size == 0 for each in finite.values()):
        return None
    every = np.concatenate(list(finite.values()))
    low, high = np.quantile(every, [0.001, 0.999])
    if not high > low:
        return None
    edges = np.linspace(low, high, BINS + 1)
    shares = {
        name: (100 * np.histogram(np.clip(each, low, high), edges)[0] / each.size).tolist()
        for name, each in finite.items()
    }
    return {"kind": "histogram", "edges": edges.tolist(), "shares": shares}


def strip(values: Array, far: NDArray[np.bool_], *levels: float) -> Figure:
    """A long series thinned to its lowest and highest values, with the far ones as dots.

    Args:
        values: [n]. far: [n], where a value is called far. levels: of level lines.
    """
    chosen = _extremes(np.where(far, np.nan, values))
    wild = np.flatnonzero(far)[:: max(1, int(far.sum()) // POINTS)]
    x = np.unique(np.concatenate([chosen, wild]))
    plain, dots = np.where(far[x], np.nan, values[x]), np.where(far[x], values[x], np.nan)
    lines = {"value": plain.tolist()} | ({"far": dots.tolist()} if far.any() else {})
    return {"kind": "dots", "x": x.tolist(), "lines": lines, "marks": {}, "levels": list(levels)}


def _extremes(values: Array) -> NDArray[np.int64]:
    """Places of the lowest and the highest value of each of `POINTS` / 2 stretches."""
    if len(values) <= POINTS:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), POINTS // 2 + 1).astype(np.int64)
    found = set()
    for first, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        part = values[first:end]
        if np.isfinite(part).any():
            found |= {first + int(np.nanargmin(part)), first + int(np.nanargmax(part))}
    return np.array(sorted(found), dtype=np.int64)
