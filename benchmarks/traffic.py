"""The demo: hourly traffic on Interstate 94, 24 hours ahead, calendar and holidays known ahead.

Split 70/10/20 by time, every window of the test part. Reach: test MAE of at most 190 vehicles per hour
(a plain two-layer LSTM encoder-decoder of 64 units reached 189 in 90 seconds of training).
"""

from __future__ import annotations

from _common import arguments, evaluation_rows, fit, mean, merged, report, show, show_history, start

SETTINGS = {"horizon": 24, "level": [80.0], "preparation": {"holidays": "US"}}
REACH = 190


def main() -> None:
    """Train with the demo's settings and score, once per seed."""
    given = start(arguments(__doc__))
    from tidegate import demo_data

    how = {"time": "date_time", "target": "traffic_volume", "repair": "mean", "validation": 0.1, "test": 0.2}
    scores, coverages, times = [], [], []
    for seed in given.seeds:
        model, seconds = fit(merged(SETTINGS, given.set) | {"seed": seed}, str(demo_data.path()), **how)
        show_history(model)
        judged = model.evaluate()
        scores.append(judged.overall["model"]["mae"])
        coverages.append(100 * judged.coverage[0.8])
        times.append(seconds)
        print(f"\nseed {seed}, {seconds:.0f} s, {judged.origins} windows")
        show(evaluation_rows(judged))
        print(judged.verdict.text(), "\n")
    show([["80 % interval holds, %", *coverages], ["test MAE", *scores], ["seconds", *times]])
    mae = mean(scores)
    report("traffic", mae=mae, maes=scores, coverage=coverages, seconds=times, seeds=given.seeds, reached=mae <= REACH)


if __name__ == "__main__":
    main()
