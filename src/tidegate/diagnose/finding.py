"""What a diagnosis says: findings, ranked so that the first is the root cause."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.core.notebook import Notebook
from tidegate.core.translate import Language, language, tr
from tidegate.diagnose import words

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


Severity = Literal["info", "warning", "critical"]
ON = "on"  # see `Finding.instead`
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or could be better.

    Attributes:
        id: what it is, such as "overfitting".
        severity: "info" (could be better), "warning" (costs accuracy) or "critical" (do not use the model as it is).
        evidence: the numbers it rests on, by name; the sentence of `text` shows them.
        remedy: the change of the configuration that should help, such as {"dropout": 0.3}: arguments of the
            estimator, or of `fit` (known, observed, static). Empty where no option helps.
        instead: why there is no remedy: `ON`, since what helps is set already, or the id of a finding that asks for
            the opposite and comes first; "" otherwise.
        figure: what to draw (see `tidegate.diagnose.finding`), its axes named by `axes`; None where there is nothing.
    """

    id: str
    severity: Severity
    evidence: Mapping[str, Any]
    remedy: Mapping[str, Any] = field(default_factory=dict)
    figure: Mapping[str, Any] | None = None
    instead: str = ""

    def title(self, lang: Language | None = None) -> str:
        """A few words."""
        return words.title(self.id, lang)

    def text(self, lang: Language | None = None) -> str:
        """What was seen, with the numbers."""
        return words.seen(self.id, self.evidence, lang)

    def cause(self, lang: Language | None = None) -> str:
        """Why this happens."""
        return words.cause(self.id, lang)

    def advice(self, lang: Language | None = None) -> str:
        """What to do, with the remedy as options."""
        if self.instead == ON:
            return words.settled(self.id, lang)
        if self.instead:
            return words.deferred(self.instead, lang)
        return words.advice(self.id, self.remedy, lang)

    def grade(self, lang: Language | None = None) -> str:
        """How grave it is, in words."""
        return words.severity(self.severity, lang)

    def axes(self, lang: Language | None = None) -> tuple[str, str]:
        """Titles of the figure's axes, x and y; "" where it has none."""
        return words.axes(self.id, lang)

    def caption(self, lang: Language | None = None) -> str:
        """What the figure shows."""
        return "" if self.figure is None else words.caption(self.id, self.figure, lang)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and text, the sentences in English."""
        return {
            "id": self.id,
            "severity": self.severity,
            "title": self.title("en"),
            "text": self.text("en"),
            "cause": self.cause("en"),
            "advice": self.advice("en"),
            "evidence": {name: _plain(value) for name, value in self.evidence.items()},
            "remedy": {name: _plain(value) for name, value in self.remedy.items()},
            "figure": None if self.figure is None else {name: _plain(value) for name, value in self.figure.items()},
        }


@dataclass(frozen=True, repr=False)
class Findings(Notebook, Sequence[Finding]):
    """Findings, root cause first; empty where nothing was found.

    Attributes:
        items: the findings in order.
        checked: ids of everything that was looked for.
        sample: windows (or sequences) that were looked at, by part.
        unit: what the sample counts, "windows", "sequences", "rows" or "tokens".
    """

    items: tuple[Finding, ...]
    checked: tuple[str, ...] = ()
    sample: Mapping[str, int] = field(default_factory=dict)
    unit: str = "windows"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    @property
    def top(self) -> Finding | None:
        """The root cause: the first finding that costs accuracy; None where none does."""
        return next((item for item in self.items if item.severity != "info"), None)

    def find(self, id: str) -> Finding | None:
        """The finding of an id, or None."""
        return next((item for item in self.items if item.id == id), None)

    def summary(self, lang: Language | None = None) -> str:
        """One sentence on the whole."""
        grave = [item for item in self.items if item.severity != "info"]
        if not grave:
            return tr("Nothing that costs accuracy was found in {count} checks.", lang, count=len(self.checked))
        if len(grave) == 1:
            return tr("One finding costs accuracy: “{title}”.", lang, title=grave[0].title(lang))
        message = "{count} findings cost accuracy. Begin with the first (“{title}”): it may explain others."
        return tr(message, lang, count=len(grave), title=grave[0].title(lang))

    def table(self, lang: Language | None = None) -> str:
        """The findings as text, root cause first."""
        lines = [self.summary(lang)]
        for number, item in enumerate(self.items, 1):
            lines += [
                "",
                f"{number}. {item.title(lang)} [{item.grade(lang)}]",
                f"   {item.text(lang)}",
                f"   {tr('Why: {cause}', lang, cause=item.cause(lang))}",
                f"   {tr('Try: {advice}', lang, advice=item.advice(lang))}",
            ]
        if self.sample:
            lines += ["", self.sampled(lang)]
        return "\n".join(lines)

    def sampled(self, lang: Language | None = None) -> str:
        """How many windows, or sequences, of each part were looked at."""
        comma = "、" if (lang or language()) == "zh_TW" else ", "
        sampled = comma.join(f"{words.part(name, lang)} {count:,}" for name, count in self.sample.items())
        if self.unit == "sequences":
            return tr("Sequences looked at: {sampled}.", lang, sampled=sampled)
        if self.unit == "rows":
            return tr("Rows looked at: {sampled}.", lang, sampled=sampled)
        if self.unit == "tokens":
            return tr("Tokens looked at: {sampled}.", lang, sampled=sampled)
        return tr("Windows looked at: {sampled}.", lang, sampled=sampled)

    def __str__(self) -> str:
        return self.table()

    def to_json(self) -> dict[str, Any]:
        """The findings for machines."""
        return {
            "summary": self.summary("en"),
            "findings": [item.to_json() for item in self.items],
            "checked": list(self.checked),
            "sample": dict(self.sample),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
