"""The Numenta Anomaly Benchmark: an LSTM that forecasts the next value, beside the windowed Gaussian.

    python benchmarks/nab.py --data DIR [--seeds 0 1 2] [--streams 100000]

For each file a detector is trained on the probationary first 15 % (at most 750 rows) and nothing else, and the rest is
streamed through it value by value, with adaptation; one configuration, the library's defaults, for all files. Neither
the labels nor the least and greatest value of a file, which the benchmark lets detectors know, are used. An event is
reported once: a row keeps its score where it is twice as rare as each of the `refractory` rows before, else 0. The
windowed Gaussian stands there as published, and once more with its scores treated alike ("one value an event"), which
shows how much of the gain comes from that alone. Scores and thresholds are as the benchmark prescribes (`numenta.py`).

Settings were chosen on every other file of each category ("tuned on"), and looked at on the others once.
"""

from __future__ import annotations

import time
from typing import Any

from _common import arguments, mean, report, show, start

REACH = 15.0  # points above the windowed Gaussian, standard profile


def detect(times: Any, values: Any, rows: int, seed: int, changes: dict[str, Any]) -> tuple[Any, Any, float, float]:
    """Scores of every row of a file, one value an event; the detector; processor seconds of training and streaming."""
    import numpy as np

    import tidegate as tg
    from tidegate.runtime.detect.rules import onsets, rarity_of

    begin = time.process_time()
    table = {"time": times[:rows], "value": values[:rows]}
    model = tg.AnomalyDetector(seed=seed, **changes)
    model.fit(table, time="time", target="value", validation=0.2, test=0, repair="drop", progress=False)
    trained = time.process_time()
    stream, scores, last = model.stream(), np.zeros(len(values)), times[rows - 1]
    for row in range(rows, len(values)):
        last = max(times[row], last + np.timedelta64(1, "us"))  # a few times are doubled: taken as a moment later
        scores[row] = stream.update(values[row], time=last).score
    first = onsets(rarity_of(scores), model.detector_.rules.refractory)
    return np.where(first, scores, 0.0), model, trained - begin, time.process_time() - trained


def halves(corpus: dict[str, Any]) -> dict[str, list[str]]:
    """Names of the files that settings were tuned on, and of the others: every other one of each category."""
    found: dict[str, list[str]] = {"tuned on": [], "not looked at": []}
    categories = sorted({name.split("/")[0] for name in corpus})
    for category in categories:
        own = sorted(name for name in corpus if name.split("/")[0] == category)
        found["tuned on"] += own[::2]
        found["not looked at"] += own[1::2]
    return found


def throughput(model: Any, streams: int) -> dict[str, float]:
    """Values a second of one stream, and of many in one batched call; medians."""
    import numpy as np

    draw = np.random.default_rng(0)
    found = {}
    for count, repeats in ((1, 3000), (streams, 9)):
        stream = model.stream(streams=count)
        values = draw.normal(model.detector_.preparation.offset[-1, 0], 1.0, (repeats, count))
        now = np.datetime64("2026-01-01", "us")
        seconds = []
        for number, own in enumerate(values):
            begin = time.perf_counter()
            stream.update(own, time=now if number == 0 else None)
            seconds.append(time.perf_counter() - begin)
        found[f"{count}"] = count / float(np.median(seconds))
    return found


def main() -> None:
    parser = arguments(__doc__, data="data/ and labels/ of the Numenta Anomaly Benchmark", threads=1)
    parser.add_argument("--streams", type=int, default=100_000, help="streams of the batched call")
    given = start(parser)
    import numpy as np
    import torch

    from numenta import probation, read_corpus, score_corpus, windowed_gaussian
    from tidegate.runtime.detect.rules import onsets

    torch.set_num_threads(given.threads)
    corpus = read_corpus(given.data)
    begin = time.perf_counter()
    found: dict[int, dict[str, Any]] = {}
    training = streaming = points = 0.0
    for seed in given.seeds:
        found[seed] = {}
        for name, (times, values, _) in corpus.items():
            rows = probation(len(values))
            scores, model, train, stream = detect(times, values, rows, seed, given.set)
            found[seed][name] = scores
            training, streaming, points = training + train, streaming + stream, points + len(values) - rows
    wall = time.perf_counter() - begin
    gaussian = {name: windowed_gaussian(values) for name, (_, values, _) in corpus.items()}
    refractory = model.detector_.rules.refractory
    detectors = {f"tidegate, seed {seed}": own for seed, own in found.items()}
    detectors["windowed Gaussian"] = gaussian
    detectors["the same, one value an event"] = {
        name: np.where(onsets(1 - own, refractory), own, 0.0) for name, own in gaussian.items()
    }

    def score(scores: dict[str, Any], names: list[str]) -> dict[str, Any]:
        return score_corpus({name: (corpus[name][0], scores[name], corpus[name][2]) for name in names})

    parts = halves(corpus)
    rows_: list[list[Any]] = [["detector", "standard", "low FP", "low FN", "found", "false", *parts]]
    results: dict[str, list[float]] = {}
    for name, scores in detectors.items():
        scored = score(scores, list(corpus))
        standard = scored["standard"]
        own = [one.score for one in scored.values()]
        split = [score(scores, names)["standard"].score for names in parts.values()]
        rows_.append([name, *own, f"{standard.found}/{standard.windows}", standard.false_alarms, *split])
        results[name] = [*own, *split]
    show(rows_)
    ours = mean([values[0] for name, values in results.items() if name.startswith("tidegate")])
    gain = ours - results["windowed Gaussian"][0]
    rates = throughput(model, given.streams)
    files = len(corpus) * len(given.seeds)
    print(f"\n{gain:.1f} points above the windowed Gaussian, {wall / files:.1f} s a file")
    print(
        f"training {training / files:.1f} s a file, streaming {points / streaming:.0f} values a second (processor time)"
    )
    print(", ".join(f"{count} stream(s): {rate:.0f} values a second" for count, rate in rates.items()))
    report(
        "nab",
        scores=results,
        gain=gain,
        seconds=wall,
        streamed_per_second=points / streaming,
        updates_per_second=rates,
        reached=gain >= REACH,
    )


if __name__ == "__main__":
    main()
