"""Whether a forecast copies the last value, merely lags, or is shifted against the values it is scored on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import DataError
from tidegate.core.text import finite
from tidegate.core.translate import Language, tr

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

STEPS = 6  # steps ahead that are looked at, spread over the horizon
WINDOWS = 30  # fewer neighbouring windows show nothing
NEAR = 0.35  # a forecast that moves less than this share of what the target moves stays at its last input
GAIN = 0.02  # skill against the last value below which there is none
CLEAR = 0.5  # correlation of movements that counts
FIT = 0.4  # a shift that leaves less than this share of the error is a misalignment
FAR = 2.0  # times what the target moves, from which a forecast swings
SHIFT = 3  # rows by which a misaligned forecast is looked for

_SENTENCES = {
    "copy": "The forecast copies the last value: at step {steps} it moves with the target at a lag of {lag} "
    "(correlation {correlation}), it leaves its last input by {closeness} % of what the target does, and its skill "
    "against repeating that input is {skill} %.",
    "lags": "The forecast lags: at step {steps} it moves with the target at a lag of {lag} (correlation "
    "{correlation}). It is no copy of the last value: its skill against repeating it is {skill} %, and it leaves it by "
    "{closeness} % of what the target does.",
    "swings": "The forecast lags: at step {steps} it moves with the target at a lag of {lag} (correlation "
    "{correlation}). It is no copy of the last value: it swings {times} times as far from it as the target does, and "
    "its error is {ratio} times that of repeating it.",
    "shifted": "The forecast looks shifted: held against actual values {shift} rows away, its error is {gain} % lower "
    "at all steps ahead. Check that forecasts and actual values are lined up.",
    "honest": "The forecast does not copy the last value: at step {steps} it moves with the target (correlation "
    "{correlation} without lag, {behind} at a lag of {steps}).",
    "apart": "The forecast does not copy the last value (its error is {skill} % lower than that of repeating it), yet "
    "it hardly moves with the target: at step {steps} their movements have a correlation of {correlation}.",
    "flat": "The forecast hardly moves with the target or with its past: at step {steps} no lag has a correlation of "
    "{clear} or more.",
    "unknown": "",
}


@dataclass(frozen=True)
class LagCopy:
    """What a forecast follows.

    Attributes:
        key: `copy`, `lags` (it trails the target, but is better than the last value, or not near it), `shifted` (an
            alignment off by some rows), `honest` (it moves with the target, or is better than the last value), `flat`
            (it follows nothing), or `unknown` (too few neighbouring windows).
        step: steps ahead that the figures are of. lag: where the cross-correlation of movements is highest.
        peak: that correlation. at_zero: without lag. at_step: at a lag of `step`.
        skill: 1 - error / error of the last value, over all steps.
        closeness: mean move of the forecast from its last input / that of the target, over all steps.
        shift: rows by which the forecast fits best, of those tried. gain: share of its error that this saves.
    """

    key: str
    step: int = 0
    lag: int = 0
    peak: float = math.nan
    at_zero: float = math.nan
    at_step: float = math.nan
    skill: float = math.nan
    closeness: float = math.nan
    shift: int = 0
    gain: float = 0.0

    def text(self, lang: Language | None = None) -> str:
        """The finding in words; "" where nothing can be concluded."""
        if self.key == "unknown":
            return ""
        values = {
            "steps": self.step,
            "lag": self.lag,
            "correlation": f"{round(self.at_zero if self.key == 'honest' else self.peak, 2) + 0.0:.2f}",
            "behind": f"{round(self.at_step, 2) + 0.0:.2f}",
            "closeness": f"{100 * self.closeness:.0f}",
            "skill": f"{100 * self.skill:.1f}",
            "shift": f"{-self.shift:+d}",
            "gain": f"{100 * self.gain:.0f}",
            "clear": CLEAR,
            "times": f"{self.closeness:.2g}",
            "ratio": f"{1 - self.skill:.2g}",
        }
        key = "apart" if self.key == "honest" and not self.at_zero >= CLEAR else self.key
        key = "swings" if key == "lags" and self.closeness >= FAR and self.skill < 0 else key
        return tr(_SENTENCES[key], lang, **values)

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = finite({name: getattr(self, name) for name in self.__dataclass_fields__})
        return plain

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> LagCopy:
        values: dict[str, Any] = {name: math.nan if value is None else value for name, value in state.items()}
        return cls(**values)


def cross_correlation(forecast: Array, actual: Array, groups: Rows, lags: Rows) -> Array:
    """Correlation of the forecast with the actual values some rows before: one for each lag.

        r_l = corr(forecast_t, actual_(t - l))   over pairs within one group; a negative lag looks ahead

    Args:
        forecast, actual: [M], NaN where missing. groups: [M], rows of one group follow each other without a gap.
        lags: [L].

    Returns:
        [L]; NaN where fewer than three pairs exist or one side stands still.
    """
    out = np.full(len(lags), np.nan)
    for place, lag in enumerate(lags.tolist()):
        size = len(forecast) - abs(lag)
        if size < 3:
            continue
        own, past = slice(max(lag, 0), max(lag, 0) + size), slice(max(-lag, 0), max(-lag, 0) + size)
        one, two = forecast[own], actual[past]
        both = np.isfinite(one) & np.isfinite(two) & (groups[own] == groups[past])
        if both.sum() < 3:
            continue
        one, two = one[both] - one[both].mean(), two[both] - two[both].mean()
        power = float(one @ one) * float(two @ two)
        if power > 0.0:
            out[place] = float(one @ two) / math.sqrt(power)
    return out


def lag_copy(
    actual: Array, forecast: Array, last: Array, origins: Rows | None = None, series: Rows | None = None
) -> LagCopy:
    """Tell a copy of the last value from a forecast that lags, from one that is shifted, from an honest one.

    Movements from one forecast to the next are compared, not levels: levels of prices are alike at every lag. A copy
    K steps ahead moves as the target did K rows before, gains nothing over repeating the last value, and stays
    close to it. A forecast that trails the target and yet gains is the best that can be had of some series, and is
    called what it is. A shifted one fits better, at all steps ahead, when moved by the same few rows.

    Args:
        actual: [M, K], NaN where missing. forecast: [M, K]. last: [M], the last value each forecast could see.
        origins: [M], row where each window begins, within its series; None: one after another.
        series: [M]; None where there is one.

    Raises:
        DataError: shapes do not fit.
    """
    if actual.ndim != 2 or actual.shape != forecast.shape or last.shape != actual.shape[:1]:
        raise DataError(
            f"actual {actual.shape}, forecast {forecast.shape} and last values {last.shape} do not fit: "
            "expected [M, K], [M, K] and [M]"
        )
    windows, horizon = actual.shape
    rows = np.arange(windows) if origins is None else np.asarray(origins, dtype=np.int64)
    own = np.zeros(windows, dtype=np.int64) if series is None else np.asarray(series, dtype=np.int64)
    groups = np.cumsum(np.concatenate([[0], (np.diff(rows) != 1) | (np.diff(own) != 0)])) if windows else own
    if np.bincount(groups, minlength=1).max(initial=0) < WINDOWS:
        return LagCopy("unknown")
    skill, closeness = against_last(actual, forecast, last)
    if not math.isfinite(skill):
        return LagCopy("unknown")
    steps = np.unique(np.linspace(1, horizon, min(STEPS, horizon)).round().astype(np.int64))
    found = [_at_step(actual[:, k - 1], forecast[:, k - 1], groups, int(k)) for k in steps]
    shift, gain = _shift(actual, forecast, groups, steps)
    follows = [item for item in found if item.lag == item.step and item.peak >= CLEAR]
    shown = (follows or found)[0]
    if shift:
        key = "shifted"
    elif 2 * len(follows) >= len(found):
        key = "copy" if skill < GAIN and closeness < NEAR else "lags"
    else:
        shown = max(found, key=lambda item: np.nan_to_num(item.at_zero, nan=-1.0))
        key = "honest" if shown.at_zero >= CLEAR or skill >= GAIN else "flat"
    return LagCopy(key, shown.step, shown.lag, shown.peak, shown.at_zero, shown.at_step, skill, closeness, shift, gain)


@dataclass(frozen=True)
class _Step:
    step: int
    lag: int
    peak: float
    at_zero: float
    at_step: float


def _at_step(actual: Array, forecast: Array, groups: Rows, step: int) -> _Step:
    moves, moved, within = _moves(forecast, groups), _moves(actual, groups), groups[1:]
    lags = np.arange(-SHIFT, step + SHIFT + 1)
    values = cross_correlation(moves, moved, within, lags)
    if not np.isfinite(values).any():
        return _Step(step, 0, math.nan, math.nan, math.nan)
    best = int(np.nanargmax(values))
    return _Step(step, int(lags[best]), float(values[best]), float(values[SHIFT]), float(values[SHIFT + step]))


def _moves(values: Array, groups: Rows) -> Array:
    return np.where(np.diff(groups) == 0, np.diff(values), np.nan)


def against_last(actual: Array, forecast: Array, last: Array) -> tuple[float, float]:
    """Skill of a forecast against repeating the last value, and how far it leaves it, as a share of what values do.

    Args:
        actual, forecast: [M, K], NaN where missing. last: [M].

    Returns:
        1 - error / error of the last value, and mean move of the forecast / mean move of the actual values; NaN where
        nothing is observed or the target stands still.
    """
    seen = np.isfinite(actual) & np.isfinite(forecast) & np.isfinite(last)[:, None]
    if not seen.any():
        return math.nan, math.nan
    moved = np.abs(actual - last[:, None])[seen].mean()
    if moved == 0.0:
        return math.nan, math.nan
    error, left = np.abs(forecast - actual)[seen].mean(), np.abs(forecast - last[:, None])[seen].mean()
    return float(1.0 - error / moved), float(left / moved)


def _shift(actual: Array, forecast: Array, groups: Rows, steps: Rows) -> tuple[int, float]:
    """The few rows by which the forecast of every step fits best, where that saves most of its error; else 0.

    Shifted by s, forecast_t is held against actual_(t - s). A shift of the step itself is a copy's, and no news.
    """
    best: dict[int, float] = {}
    for shift in (s for s in range(-SHIFT, SHIFT + 1) if s):
        ratios = [_ratio(actual[:, k - 1], forecast[:, k - 1], groups, shift) for k in steps if k != shift]
        if ratios and max(ratios) < FIT:
            best[shift] = float(np.mean(ratios))
    if not best:
        return 0, 0.0
    shift = min(best, key=lambda s: best[s])
    return shift, 1.0 - best[shift]


def _ratio(actual: Array, forecast: Array, groups: Rows, shift: int) -> float:
    size = len(actual) - abs(shift)
    own, past = slice(max(shift, 0), max(shift, 0) + size), slice(max(-shift, 0), max(-shift, 0) + size)
    same = groups[own] == groups[past]
    plain, moved = np.abs(forecast[own] - actual[own])[same], np.abs(forecast[own] - actual[past])[same]
    both = np.isfinite(plain) & np.isfinite(moved)
    return float(moved[both].mean() / plain[both].mean()) if both.any() and plain[both].mean() > 0 else math.inf
