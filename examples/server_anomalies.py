"""Server anomalies: three servers watched without labels, then judged by the incidents that were planted.

    python examples/server_anomalies.py
    python examples/server_anomalies.py --data DIR     # server metrics of the Numenta benchmark

Without `--data` five weeks of three servers are generated: CPU, requests and latency every five minutes, with daily and
weekly rhythms and eight incidents. One detector learns all three servers from the first three weeks or so and is judged
on the last ten days: its events beside those of a windowed Gaussian and a seasonal-naive residual at the same budget.

With `--data`, the folder of the Numenta benchmark (github.com/numenta/NAB: `data/` and `labels/`), its Amazon server
metrics are watched one by one, trained on the first 15 % of each; the score is the benchmark's own, beside the
published windowed Gaussian.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

import tidegate as tg

STEP = np.timedelta64(5, "m")
DAY = 288
DAYS = 35
# server, channel, first row before the end, rows, what happens
INCIDENTS = (
    ("web-1", "cpu", 2400, 24, "loop"),
    ("web-1", "latency", 1500, 60, "slow"),
    ("web-1", "requests", 600, 30, "outage"),
    ("web-2", "latency", 2000, 12, "slow"),
    ("web-2", "cpu", 900, 90, "leak"),
    ("batch", "cpu", 2200, 36, "outage"),
    ("batch", "requests", 1200, 48, "frozen"),
    ("batch", "latency", 300, 24, "slow"),
)


def servers(seed: int = 0) -> dict[str, np.ndarray]:
    """Columns time, server, cpu, requests, latency and incident (1 where something was planted)."""
    draw = np.random.default_rng(seed)
    rows = DAYS * DAY
    hour = np.arange(rows) % DAY / DAY
    weekend = (np.arange(rows) // DAY % 7 >= 5).astype(float)
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("time", "server", "cpu", "requests", "latency", "incident")
    }
    for name, size, night in (("web-1", 400.0, 0.0), ("web-2", 150.0, 0.0), ("batch", 40.0, 1.0)):
        rhythm = np.exp(2 * np.cos(2 * np.pi * (hour - (0.1 if night else 0.6)))) / 3 * (1 - 0.4 * weekend)
        channel = {"requests": draw.poisson(size * (0.3 + rhythm)).astype(float)}
        channel["cpu"] = 12 + 60 * channel["requests"] / (3 * size) + draw.normal(0, 2, rows)
        channel["latency"] = 40 + 0.4 * channel["cpu"] + draw.gamma(2, 4, rows)
        incident = np.zeros(rows)
        for server, what, before, length, kind in INCIDENTS:
            if server == name:
                span = slice(rows - before, rows - before + length)
                channel[what][span] = broken(channel[what][span], kind)
                incident[span] = 1
        columns = {"time": np.datetime64("2026-03-02T00:00", "us") + np.arange(rows) * STEP}
        columns |= {"server": np.full(rows, name, dtype=object), **channel, "incident": incident}
        for key, values in columns.items():
            parts[key].append(values)
    return {key: np.concatenate(values) for key, values in parts.items()}


def broken(values: np.ndarray, kind: str) -> np.ndarray:
    """What a channel shows during an incident."""
    ramp = np.linspace(0, 1, len(values))
    changed: dict[str, np.ndarray] = {
        "loop": np.minimum(values + 45, 100),
        "slow": values * 3,
        "outage": values * 0.02,
        "leak": np.minimum(values + 60 * ramp, 100),
        "frozen": np.full(len(values), values[0]),
    }
    return changed[kind]


def generated(seed: int) -> None:
    table = servers()
    channels = ["cpu", "requests", "latency"]
    columns = {name: table[name] for name in table if name != "incident"}
    begin = time.perf_counter()
    model = tg.AnomalyDetector(alarms_per_week=0.5, seed=seed)
    model.fit(columns, time="time", series="server", target=channels, test=10 * DAY)
    print(f"{len(table['time'])} rows of 3 servers, trained without labels in {time.perf_counter() - begin:.0f} s\n")
    print(model.events())
    print()
    print(model.evaluate(table, label="incident"))
    print("\nNow live, one update for all three:")
    stream, rows = model.stream(), np.array([table[name].reshape(3, -1)[:, -1] for name in channels]).T
    for minutes in (5, 10, 15):
        rows[0, 2] *= 2.5
        verdict = stream.update(rows)
        ringing = [name for name, on in zip(stream.names, verdict.alarm, strict=True) if on]
        print(f"  {minutes:>2} min later: p {np.round(verdict.p_value, 5)}, alarm: {', '.join(ringing) or 'none'}")


def numenta(folder: Path, seed: int) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
    from nab import detect
    from numenta import probation, read_corpus, score_corpus, windowed_gaussian

    corpus = {name: own for name, own in read_corpus(folder).items() if name.startswith("realAWSCloudwatch/")}
    ours, gaussian = {}, {}
    for name, (times, values, windows) in corpus.items():
        scores, _, trained, streamed = detect(times, values, probation(len(values)), seed, {})
        ours[name], gaussian[name] = (times, scores, windows), (times, windowed_gaussian(values), windows)
        print(f"  {name}: trained in {trained:.1f} s, streamed in {streamed:.1f} s")
    for name, files in (("tidegate", ours), ("windowed Gaussian", gaussian)):
        scored = score_corpus(files)["standard"]
        print(f"{name}: {scored.score:.1f} points, {scored.found} of {scored.windows} windows found")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the Numenta benchmark, with data/ and labels/ in it")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.data is None:
        generated(given.seed)
        return
    labels = given.data / "labels" / "combined_windows.json"
    if not labels.is_file():
        parser.error(f"{labels} is missing: clone github.com/numenta/NAB and give its folder")
    numenta(given.data, given.seed)


if __name__ == "__main__":
    main()
