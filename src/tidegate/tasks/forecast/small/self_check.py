"""How the pretrained forecaster did on the end of a user's series, and which simple methods it should lean on there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.names import method_name
from tidegate.core.text import number
from tidegate.core.translate import Language, tr
from tidegate.runtime.pretrained.candidates import CANDIDATES
from tidegate.runtime.pretrained.forecast import SHORTEST, Answer
from tidegate.runtime.pretrained.forecast import forecast as run
from tidegate.runtime.pretrained.network import LEVELS, Network

JUDGED = 5  # origins of a series that are judged
ORIGINS = 8  # origins of a series that are looked at
FEW = 20  # so many series are each looked at on their own; of more, a part is looked at together
SAMPLE = 200
TOGETHER = 3  # origins of each series of that part
TIE = 0.01
MIDDLE = LEVELS.index(0.5)

_PRIOR = 0.05  # what a simple method weighs beside the network before anything is known
_TRUST = 2.0  # power of the error ratio that each origin adds
_MOST = 16.0  # and the most that it grows to
_PATIENCE = 4.0  # origins that count as much as the network's own width

Array = NDArray[np.float64]

_SENTENCES = {
    "beats": "Checked on the last {rows} rows ({origins} origins of {horizon} rows, {series} series): the pretrained "
    "forecaster beats the best simple method, {baseline}: {metric} {model} against {reference}, {percent} % lower.",
    "tie": "Checked on the last {rows} rows ({origins} origins of {horizon} rows, {series} series): the pretrained "
    "forecaster is no better than the best simple method, {baseline}: {metric} {model} against {reference}.",
    "loses": "Checked on the last {rows} rows ({origins} origins of {horizon} rows, {series} series): the pretrained "
    "forecaster does not beat the best simple method, {baseline}: {metric} {model} against {reference}, {percent} % "
    "higher. Use that method, or train a model on these data with `tidegate fit forecast`.",
    "short": "The series are too short to check the forecast on their own end ({need} rows are needed for this "
    "horizon): nothing says how good it is.",
}


@dataclass(frozen=True)
class Check:
    """How the pretrained forecaster and simple methods did on the end of the user's own series.

    Attributes:
        key: `beats`, `tie` (within 1 %), `loses`, or `short` (nothing could be checked).
        metric: `MAE`, in the target's unit; `MASE` where several series are averaged.
        scores: errors by method, `pretrained` first; the baselines' names are those of an evaluation.
        horizon, origins, series: what was forecast: so many rows, from so many origins, of so many series.
        coverage: share of the values between the first and the last quantile (80 % are meant to be); None if short.
        need: rows that the check needs.
    """

    key: str
    metric: str = "MAE"
    scores: Mapping[str, float] = field(default_factory=dict)
    horizon: int = 0
    origins: int = 0
    series: int = 0
    coverage: float | None = None
    need: int = 0

    @property
    def best(self) -> str | None:
        """The baseline with the least error."""
        others = {name: score for name, score in self.scores.items() if name != "pretrained"}
        return min(others, key=others.__getitem__) if others else None

    def text(self, lang: Language | None = None) -> str:
        """One sentence for people, in English or 繁體中文; None takes the reader's language."""
        best = self.best
        if best is None:
            return tr(_SENTENCES["short"], lang, need=self.need)
        model, reference = self.scores["pretrained"], self.scores[best]
        return tr(
            _SENTENCES[self.key],
            lang,
            rows=self.horizon * self.origins,
            origins=self.origins,
            horizon=self.horizon,
            series=self.series,
            baseline=method_name(best, lang),
            metric=self.metric,
            model=number(model),
            reference=number(reference),
            percent=f"{100 * abs(model / reference - 1):.1f}" if reference > 0 else "100",
        )

    def __str__(self) -> str:
        return self.text()

    def to_json(self) -> dict[str, Any]:
        own = ("key", "metric", "horizon", "origins", "series", "coverage")
        return {**{name: getattr(self, name) for name in own}, "scores": dict(self.scores), "text": self.text("en")}


@dataclass(frozen=True)
class Backtest:
    """Forecasts of the last rows of series from before them, several origins a series, `horizon` rows apart.

    Attributes:
        places: [S], which series. errors: [S, O, 1 + C], mean absolute errors of the network and of the simple methods,
            divided by the series' own change over a season; the last origin first, NaN where there is none.
        past: by (place in `places`, origin) the rows before it. answer, row: the forecasts, and which of them is whose.
    """

    places: NDArray[np.int64]
    errors: Array
    scale: Array
    pasts: list[Array]
    actual: Array
    answer: Answer | None
    row: NDArray[np.int64]

    def shares(self, skip: int = 0) -> Array:
        """Weights of the network and the simple methods by their errors at origins after the first `skip`, [S, 1 + C].

        A method weighs prior (e_best / e)^p, e its mean error and a doubt of what it gains on the network; p grows with
        the number of origins. Of more than 20 series the weights are those of all of them together.
        """
        errors = self.errors[:, skip:]
        if len(self.places) > FEW:
            errors = errors.reshape(1, -1, errors.shape[2])
        return np.broadcast_to(_shares(errors), (len(self.places), errors.shape[2]))

    def widths(self, skip: int = 0) -> Array:
        """What the bands are to be multiplied by, [S], so that 80 % of the values after the first `skip` origins fit.

        Each origin's forecast has the shares of the origins before it. The factor is shrunk towards 1: n origins count
        as n / (n + 4).
        """
        ratios = np.full((*self.row.shape, self.actual.shape[1]), np.nan)
        for back in range(skip, self.row.shape[1]):
            which = np.flatnonzero(self.row[:, back] >= 0)
            if self.answer is None or not len(which):
                continue
            rows = self.row[which, back]
            own = Answer(self.answer.quantiles[rows], self.answer.seasons[rows], self.answer.simple[rows])
            q = blended(own, self.shares(back + 1)[which])
            half = np.maximum(0.5 * (q[..., -1] - q[..., 0]), 1e-300)
            ratios[which, back] = np.abs(self.actual[rows] - q[..., MIDDLE]) / half
        return self._factors(ratios)

    def _factors(self, ratios: Array) -> Array:
        if len(self.places) > FEW:
            ratios = ratios.reshape(1, -1, ratios.shape[2])
        factors = np.ones(len(self.places))
        for index, own in enumerate(ratios):
            known = np.isfinite(own)
            if known.any():
                count = int(known.any(1).sum())
                wanted = np.clip(np.quantile(own[known], LEVELS[-1] - LEVELS[0]), 0.25, 4.0)
                factors[index] = wanted ** (count / (count + _PATIENCE))
        return factors if len(ratios) == len(self.places) else np.full(len(self.places), factors[0])


def _shares(errors: Array) -> Array:
    """[S, O, M] -> [S, M]; the network alone, the first of the methods, where there is no error to go by."""
    seen = np.isfinite(errors[..., 0])
    count = seen.sum(1)
    many = np.maximum(count, 1)[:, None]
    mean = np.where(seen[..., None], errors, 0.0).sum(1) / many
    # What a method gains on the network is believed less where it varies: half a standard error is added.
    gain = np.where(seen[..., None], errors - errors[..., :1], 0.0)
    variance = (gain**2).sum(1) / many - np.where(many > 1, gain.sum(1) / many, 0.0) ** 2
    mean = mean + 0.5 * np.sqrt(np.maximum(variance, 0.0) / np.maximum(many - 1, 1))
    mean = mean + 1e-3 * mean.mean(1, keepdims=True) + 1e-300
    prior = np.full(errors.shape[2], _PRIOR)
    prior[0] = 1.0
    power = np.minimum(_MOST, _TRUST * count)[:, None]
    weight = prior * (mean.min(1, keepdims=True) / mean) ** power
    weight = np.where(count[:, None] > 0, weight, np.arange(errors.shape[2]) == 0)
    return np.asarray(weight / weight.sum(1, keepdims=True))


def blended(answer: Answer, shares: Array, widths: Array | None = None) -> Array:
    """Quantiles [G, K, 9], moved so that the median is the weighted mean of network and simple methods.

    Args:
        answer: of G series. shares: [G, 1 + C], the network's first. widths: [G], of the bands; None leaves them.
    """
    median = answer.quantiles[..., MIDDLE]
    centre = shares[:, :1] * median + np.einsum("gc,gck->gk", shares[:, 1:], answer.simple)
    away = answer.quantiles - median[..., None]
    return np.asarray(centre[..., None] + (away if widths is None else away * widths[:, None, None]))


def backtest(
    network: Network, series: Sequence[Array], horizon: int, hints: Sequence[int], most: int = ORIGINS
) -> Backtest:
    """Forecast the ends of series: of at most 20 each from `most` origins, of more 200, evenly spread, from 3."""
    few = len(series) <= FEW
    places = np.arange(len(series)) if few else np.unique(np.linspace(0, len(series) - 1, SAMPLE).astype(np.int64))
    origins, least = (most if few else TOGETHER), _need(horizon) - horizon
    pasts: list[Array] = []
    futures: list[Array] = []
    row = np.full((len(places), origins), -1)
    for index, place in enumerate(places):
        values = series[place]
        for back in range(origins):
            end = len(values) - (back + 1) * horizon
            past, future = values[: max(end, 0)], values[max(end, 0) :][:horizon]
            if len(past) < least or np.isfinite(past).sum() < SHORTEST:
                break
            if np.isfinite(future).any():
                row[index, back] = len(pasts)
                pasts.append(past)
                futures.append(future)
    errors = np.full((len(places), origins, 1 + CANDIDATES), np.nan)
    scale = np.ones(len(places))
    if not pasts:
        return Backtest(places, errors, scale, pasts, np.empty((0, horizon)), None, row)
    answer, actual = run(network, pasts, horizon, hints), np.stack(futures)
    found = np.concatenate([answer.quantiles[:, None, :, MIDDLE], answer.simple], axis=1)
    each = np.nanmean(np.abs(found - actual[:, None]), axis=2)
    for index in range(len(places)):
        own = row[index][row[index] >= 0]
        if len(own):
            scale[index] = _change(pasts[own[0]], int(answer.seasons[own[0]].max()))
    scale = np.where(scale > 0, scale, 1.0)
    errors = np.where(row[..., None] >= 0, each[row] / scale[:, None, None], np.nan)
    return Backtest(places, errors, scale, pasts, actual, answer, row)


def check_end(tested: Backtest, horizon: int, adapt: bool) -> Check:
    """The verdict of a backtest: at most the last 5 origins of each series, each adapted to those before it alone."""
    if tested.answer is None:
        return Check("short", need=_need(horizon))
    evaluated = tested.row[:, : (JUDGED if len(tested.places) <= FEW else 1)]
    simple = _methods(tested.answer, tested.pasts)
    totals: dict[str, list[float]] = {name: [] for name in ("pretrained", *simple)}
    inside: list[NDArray[np.bool_]] = []
    for back in range(evaluated.shape[1]):
        which = np.flatnonzero(evaluated[:, back] >= 0)
        rows = evaluated[which, back]
        own = Answer(tested.answer.quantiles[rows], tested.answer.seasons[rows], tested.answer.simple[rows])
        shares, widths = tested.shares(back + 1)[which], tested.widths(back + 1)[which]
        quantiles = blended(own, shares, widths) if adapt else own.quantiles
        actual, scale = tested.actual[rows], tested.scale[which] if len(tested.places) > 1 else 1.0
        for name, values in {"pretrained": quantiles[..., MIDDLE], **{n: v[rows] for n, v in simple.items()}}.items():
            totals[name] += list(np.nanmean(np.abs(values - actual), axis=1) / scale)
        known = np.isfinite(actual)
        inside.append(((actual >= quantiles[..., 0]) & (actual <= quantiles[..., -1]))[known])
    scores = {name: float(np.mean(errors)) for name, errors in totals.items()}
    model, reference = scores["pretrained"], min(score for name, score in scores.items() if name != "pretrained")
    key = "tie" if abs(model - reference) <= TIE * reference else "beats" if model < reference else "loses"
    return Check(
        key,
        "MASE" if len(tested.places) > 1 else "MAE",
        scores,
        horizon,
        int((evaluated >= 0).sum(1).max()),
        int((evaluated >= 0).any(1).sum()),
        float(np.concatenate(inside).mean()),
        _need(horizon),
    )


def _need(horizon: int) -> int:
    return horizon + max(2 * SHORTEST, horizon // 2)


def _methods(answer: Answer, pasts: Sequence[Array]) -> dict[str, Array]:
    """Forecasts [M, K] of simple methods by name; all but the mean are among what the network mixes."""
    simple, m = answer.simple, answer.seasons
    found = {"repeat_last": simple[:, 0]}
    longest = m.max(axis=1)
    if longest.max() > 1:
        same = longest.min() == longest.max()
        name = f"seasonal_naive_{longest[0]}" if same else "seasonal_naive_own"
        found[name] = np.where((m[:, 1] > 1)[:, None], simple[:, 9], simple[:, 5])
    means = np.array([np.nanmean(past) for past in pasts])
    found["mean"] = np.repeat(means[:, None], simple.shape[2], axis=1)
    return {**found, "ridge": simple[:, 16], "ridge_seasonal": simple[:, 15]}


def _change(past: Array, season: int) -> float:
    """Mean change over a season, of what is known."""
    change = np.abs(past[season:] - past[:-season])
    change = change[np.isfinite(change)]
    return float(change.mean()) if change.size else 0.0
