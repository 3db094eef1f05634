"""Runs that never were: classifiers, a tagger, a regressor and a detector, to draw and to test with."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.report.forecast.sample_run import view as forecast
from tidegate.core.table import Note
from tidegate.evaluate.detect import Watched, evaluate_alarms, events
from tidegate.evaluate.label import Leaks, calibrate, cmapss, evaluate_classes, evaluate_multilabel, evaluate_numbers
from tidegate.report import Alarm, DetectionView, LabelledView, WatchedSeries


def told() -> dict[str, Any]:
    """What every page tells of its run."""
    base = forecast(400)
    parts = (("train", 2430), ("validation", 270), ("test", 300))
    schema = (
        Note("steps", "{shortest} to {longest}, half of them at most {middle}", _texts(17, 285, 54)),
        Note("channels", "{amount}: {first}", {"amount": "40", "first": "mel_0, mel_1, mel_2, ..."}),
        *(Note(f"{kind}_sequences", "{sequences}", {"sequences": f"{count:,}"}) for kind, count in parts),
    )
    return {
        "schema": schema,
        "notes": (Note("scale", "all inputs are standardised with the mean and spread of the training part", {}),),
        "config": {"hidden_size": 64, "pooling": "attention", "loss": "cross_entropy"},
        "command": "tidegate fit classify digits --label digit --out runs/digits",
        "snippet": 'import tidegate as tg\n\nmodel = tg.Classifier(seed=0)\nmodel.fit("digits", label="digit")',
        "seed": 0,
        "versions": {"tidegate": "0.2.0", "torch": "2.13.0"},
        "seconds": 74.2,
        "history": base.history,
        "loss": "cross_entropy",
    }


def _texts(shortest: int, longest: int, middle: int) -> dict[str, str]:
    return {"shortest": str(shortest), "longest": str(longest), "middle": str(middle)}


def said(actual: np.ndarray, count: int, skill: float, seed: int) -> np.ndarray:
    """Probabilities that know the class the better, the higher `skill`, and take neighbours for one another."""
    rng = np.random.default_rng(seed)
    logits = skill * np.eye(count)[actual] + 0.45 * skill * np.eye(count)[(actual + 1) % count]
    p = np.exp(logits + rng.normal(size=logits.shape))
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def digits() -> LabelledView:
    """Ten balanced classes."""
    actual = np.arange(600) % 10
    p = said(actual, 10, 4.5, 0)
    others = {name: said(actual, 10, skill, 1) for name, skill in (("nearest", 3.0), ("logistic_summary", 3.8))}
    names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    found = evaluate_classes(actual, p, names, {**others, "majority": np.full((600, 10), 0.1)})
    ids = [f"{names[label]}_{n}.wav" for n, label in enumerate(actual)]
    calibration = calibrate(np.log(p) * 1.8, actual)
    return LabelledView("Spoken digits", found, actual, p, others, ids, calibration=calibration, **told())


def faults(leaks: Leaks | None = None) -> LabelledView:
    """Two classes, one of them rare, with a threshold."""
    rng = np.random.default_rng(3)
    actual = (rng.random(800) < 0.06).astype(np.int64)

    def score(gap: float, seed: int) -> np.ndarray:
        logit = -2.6 + gap * actual + np.random.default_rng(seed).normal(0, 1.1, 800)
        p = 1 / (1 + np.exp(-logit))
        return np.stack([1 - p, p], axis=1)

    p, others = score(3.4, 0), {"logistic_summary": score(2.4, 1), "nearest": score(1.2, 2)}
    given = {**others, "majority": np.tile([0.94, 0.06], (800, 1))}
    found = evaluate_classes(actual, p, ("calm", "fault"), given, threshold=0.37, leaks=leaks)
    ids = [f"pump {n}" for n in range(800)]
    texts = [f"Log of pump {n}: pressure fell twice during the night shift, {n % 7} restarts" for n in range(800)]
    return LabelledView("Equipment failure", found, actual, p, others, ids, texts, **told())


def tags(count: int = 3) -> LabelledView:
    """A label at each step."""
    actual = np.random.default_rng(0).choice(count, 900)
    p, other = said(actual, count, 3.0, 0), said(actual, count, 2.0, 1)
    names = tuple(f"state {n}" for n in range(count))
    found = evaluate_classes(actual, p, names, {"logistic_step": other}, starts=np.arange(0, 901, 30))
    return LabelledView("Activities", found, actual, p, {"logistic_step": other}, **told())


def genres() -> LabelledView:
    """Several labels at once."""
    rng = np.random.default_rng(0)
    actual = rng.random((300, 4)) < [0.5, 0.3, 0.2, 0.1]
    p, other = (np.clip(np.where(actual, 0.75, 0.25) + rng.normal(0, s, actual.shape), 0, 1) for s in (0.15, 0.3))
    found = evaluate_multilabel(actual, p, ("drama", "comedy", "crime", "war"), {"bag_of_words": other})
    return LabelledView("Genres", found, actual, p, **told())


def engines() -> LabelledView:
    """Remaining life of engines."""
    rng = np.random.default_rng(0)
    actual = np.minimum(rng.uniform(5, 150, 100).round(), 125.0)
    f = actual + rng.normal(0, 6, 100) + 0.08 * (90 - actual) + rng.normal(0, 0.12, 100) * actual
    others = {"ridge_summary": actual + rng.normal(2, 17, 100), "mean": np.full(100, 76.0)}
    how: dict[str, Any] = {"names": ("remaining life",), "unit": "cycles", "extra": {"cmapss": cmapss}}
    margins = {80: np.array([10.0]), 95: np.array([18.0])}
    found = evaluate_numbers(actual, f, others, **how, margins=margins)
    ids = [f"engine {n + 1}" for n in range(100)]
    return LabelledView("Turbofan engines", found, actual, f, others, ids, margins=margins, **told())


def servers(labelled: bool = True) -> DetectionView:
    """Two servers that were watched for two weeks every five minutes."""
    rng = np.random.default_rng(0)
    times = np.datetime64("2014-04-01T00:00", "us") + np.arange(4032) * np.timedelta64(5, "m")
    phase = np.arange(4032) * 2 * np.pi / 288
    seen, given, other = [], {}, {}
    for number, name in enumerate(("cpu, server a", "cpu, server b")):
        values = 40 + 12 * np.sin(phase) + rng.normal(0, 2.2, 4032)
        rows = [(900 + 700 * k + 130 * number, 990 + 700 * k + 130 * number) for k in range(4)]
        scores = np.abs(rng.normal(0, 0.9, 4032))
        for first, last in rows[:3]:
            values[first + 8 : last] += rng.uniform(18, 30)
            scores[first + 8 : first + 30] += 5
        scores[[300, 2800 + 50 * number]] = 5.5
        scores[:200] = np.nan
        alarms = np.nan_to_num(scores) > 4.5
        windows = tuple((times[a], times[b]) for a, b in rows) if labelled else ()
        given[name] = Watched(times, alarms, windows, scores)
        weak = np.nan_to_num(scores) * 0.4 + rng.random(4032) * 3.2
        other[name] = Watched(times, weak > 3.1, windows, weak)
        found = [
            Alarm(
                times[event.first],
                times[event.end - 1],
                float(np.nanmax(scores[event.first : event.end])),
                "cpu",
                event.window is not None if labelled else None,
            )
            for event in events(given[name], gap=12)
        ]
        seen.append(WatchedSeries(name, times, values, scores, alarms, windows, tuple(found), 4.5, "cpu"))
    baselines = {"windowed_gaussian": other} if labelled else None
    judged = evaluate_alarms(given, baselines, gap=12, budget=2.0)
    return DetectionView("Servers", judged, tuple(seen), unit="%", **told())
