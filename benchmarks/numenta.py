"""The Numenta Anomaly Benchmark: its scoring function, its files, and the windowed Gaussian to stand beside.

Run as a script it scores the windowed Gaussian on the categories that lie in the folder; `score_corpus` scores
any detector's anomaly scores the same way. Written from the published definition: Lavin and Ahmad (2015),
doi:10.1109/ICMLA.2015.141, and the constants that the benchmark publishes.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
File = tuple[Any, Any, Sequence[tuple[Any, Any]]]  # times [N], anomaly scores [N], windows (first, last), both inside

PROBATION, MOST_PROBATION = 0.15, 750  # rows at the start of a file that are not scored


class Profile(NamedTuple):
    """What a found window, a false alarm and a missed window weigh."""

    found: float
    false: float
    missed: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "reward_low_FP_rate": Profile(1.0, 0.22, 1.0),
    "reward_low_FN_rate": Profile(1.0, 0.11, 2.0),
}


class Scored(NamedTuple):
    """The score of a corpus under one profile: 0 for a detector that never alarms, 100 for a perfect one."""

    score: float
    threshold: float
    found: int
    windows: int
    false_alarms: int


@dataclass(frozen=True)
class Rows:
    """The scored rows of a corpus, and what an alarm at each is worth before weighting.

    Attributes:
        score: [N] the detector's.
        worth: [N] between -1 and 1; positive inside windows, 1 at a window's first row.
        window: [N] the window that a row lies in, -1 for none.
        windows: how many there are.
    """

    score: Array
    worth: Array
    window: NDArray[np.int64]
    windows: int


def sigmoid(position: Array) -> Array:
    """2 / (1 + exp(5 y)) - 1: about 1 a window's length early (y = -1), 0 at its end, -1 three lengths after."""
    return np.where(position > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, 3.0))) - 1.0)


def probation(rows: int) -> int:
    """Rows at the start of a file that are not scored: 15 %, at most 750."""
    return min(math.floor(PROBATION * rows), MOST_PROBATION)


def worth_of(times: Any, windows: Sequence[tuple[Any, Any]]) -> tuple[Array, NDArray[np.int64]]:
    """What an alarm at each row of a file is worth, and the window it lies in.

    Inside a window of w rows, the i-th (from 0): sigmoid((i - w) / w) / sigmoid(-1). After a window: sigmoid of the
    rows since its last one over w - 1. Before the first: -1.

    Args:
        times: [N], ascending. windows: first and last time of each, in order and apart from one another.
    """
    times = np.asarray(times)
    worth, inside = np.full(len(times), -1.0), np.full(len(times), -1, dtype=np.int64)
    for number, (first, last) in enumerate(windows):
        begin = int(np.searchsorted(times, np.asarray(first, dtype=times.dtype), "left"))
        end = int(np.searchsorted(times, np.asarray(last, dtype=times.dtype), "right"))
        width = end - begin
        if width < 1:
            raise ValueError(
                f"window {first} to {last} holds no row; expected times between {times[0]} and {times[-1]}"
            )
        worth[begin:end] = sigmoid((np.arange(width) - width) / width) / sigmoid(np.array(-1.0))
        inside[begin:end] = number
        worth[end:] = sigmoid(np.arange(1, len(times) - end + 1) / max(width - 1, 1))
    return worth, inside


def gather(files: Mapping[str, File]) -> Rows:
    """The rows of all files after their probation, with windows numbered through."""
    score, worth, window, count = [], [], [], 0
    for name, (times, scores, windows) in files.items():
        own = np.asarray(scores, dtype=np.float64)
        if len(own) != len(times) or not np.isfinite(own).all():
            raise ValueError(f"{name}: {len(own)} scores for {len(times)} rows; expected one finite score a row")
        values, inside = worth_of(times, windows)
        kept = slice(probation(len(own)), None)
        score.append(own[kept])
        worth.append(values[kept])
        window.append(np.where(inside[kept] >= 0, inside[kept] + count, -1))
        count += len(windows)
    every = np.concatenate(window)
    names = np.unique(every[every >= 0])
    every[every >= 0] = np.searchsorted(names, every[every >= 0])
    return Rows(np.concatenate(score), np.concatenate(worth), every, len(names))


def sweep(rows: Rows, profile: Profile) -> tuple[Array, Array, NDArray[np.int64], NDArray[np.int64]]:
    """Raw score, windows found and false alarms for every threshold, from none alarming to all.

    A row alarms where its score is at least the threshold. A window counts once, with its most valuable alarm.

    Returns:
        thresholds [L], descending from infinity; raw scores [L]; windows found [L]; false alarms [L].
    """
    order = np.argsort(-rows.score, kind="stable")
    score, worth, window = rows.score[order], rows.worth[order], rows.window[order]
    step = np.where(window < 0, profile.false * worth, 0.0)
    fresh = np.zeros(len(order), dtype=np.int64)
    best: dict[int, float] = {}
    for place in np.flatnonzero(window >= 0).tolist():
        number, value = int(window[place]), profile.found * float(worth[place])
        before = best.get(number, -profile.missed)
        fresh[place] = number not in best
        if value > before:
            step[place] = value - before
            best[number] = value
    last = np.append(np.flatnonzero(np.diff(score) != 0), len(score) - 1)
    raw = np.concatenate([[0.0], np.cumsum(step)[last]]) - profile.missed * rows.windows
    found = np.concatenate([[0], np.cumsum(fresh)[last]])
    false = np.concatenate([[0], np.cumsum(window < 0)[last]])
    return np.concatenate([[math.inf], score[last]]), raw, found, false


def score_corpus(files: Mapping[str, File], threshold: float | None = None) -> dict[str, Scored]:
    """The benchmark's score of a detector under each profile.

        score = 100 (raw - raw of a detector that never alarms) / (raw of a perfect one - the same)

    Args:
        files: name -> times [N], anomaly scores [N], labelled windows (first time, last time, both inside).
        threshold: of the scores, for all files; None takes the best for each profile, as the benchmark prescribes.
    """
    rows = gather(files)
    if rows.windows == 0:
        raise ValueError("no labelled window in any file: nothing to find, so that there is no perfect score")
    results = {}
    for name, profile in PROFILES.items():
        thresholds, raw, found, false = sweep(rows, profile)
        place = int(np.argmax(raw)) if threshold is None else int(np.sum(thresholds >= threshold)) - 1
        null, perfect = -profile.missed * rows.windows, profile.found * rows.windows
        score = 100.0 * (float(raw[place]) - null) / (perfect - null)
        used = float(thresholds[place]) if threshold is None else threshold
        results[name] = Scored(score, used, int(found[place]), rows.windows, int(false[place]))
    return results


def windowed_gaussian(values: Any, window: int = 6400, step: int = 100) -> Array:
    """Anomaly scores [N] of a normal distribution fitted to the values before each one: 1 - its tail beyond the value.

    The distribution is fitted anew with every value until `window` have come, and from then on to the last `window`
    of them after every `step`. The scores that the benchmark publishes were written with 12 digits, which makes the
    largest ones equal; rounded alike, the scores here earn the published 39.6 on the whole corpus, unrounded 40.1.
    """
    values = np.asarray(values, dtype=np.float64)
    scores = np.zeros(len(values))
    mean = spread = 0.0
    for place, value in enumerate(values.tolist()):
        if place == 0:
            continue
        if place <= window or (place - window) % step == 0:
            past = values[max(0, place - window) : place]
            mean, spread = float(past.mean()), float(past.std()) or 1e-6
        scores[place] = 1.0 - 0.5 * math.erfc(abs(value - mean) / spread / math.sqrt(2.0))
    return scores


def read_corpus(folder: Path) -> dict[str, tuple[NDArray[Any], Array, list[tuple[Any, Any]]]]:
    """Times, values and labelled windows of every file of the benchmark below a folder (`data/`, `labels/`)."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text("utf-8"))
    corpus = {}
    for name, windows in labels.items():
        with open(folder / "data" / name, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))[1:]
        times = np.array([row[0] for row in rows], dtype="datetime64[us]")
        values = np.array([float(row[1]) for row in rows])
        ends = [(np.datetime64(first, "us"), np.datetime64(last, "us")) for first, last in windows]
        corpus[name] = times, values, ends
    return corpus


def main() -> None:
    """Score the windowed Gaussian, with all digits and with those that the benchmark's own result was written with."""
    from _common import arguments, report, show, start

    given = start(arguments(__doc__, data="data/ and labels/ of the Numenta Anomaly Benchmark", seeds=False))
    corpus = read_corpus(given.data)
    begin = time.process_time()
    scores = {name: windowed_gaussian(values) for name, (_, values, _) in corpus.items()}
    seconds = time.process_time() - begin
    rows: list[list[Any]] = [["digits, profile", "score", "threshold", "found", "windows", "false alarms"]]
    results: dict[str, dict[str, float]] = {}
    for digits in (16, 12):
        files = {name: (corpus[name][0], np.round(scores[name], digits), corpus[name][2]) for name in corpus}
        scored = score_corpus(files)
        rows += [[f"{digits}, {name}", *found] for name, found in scored.items()]
        results[str(digits)] = {name: found.score for name, found in scored.items()}
    show(rows)
    points = sum(len(values) for _, values, _ in corpus.values())
    report("numenta", detector="windowed_gaussian", files=len(corpus), points=points, scores=results, seconds=seconds)


if __name__ == "__main__":
    main()
