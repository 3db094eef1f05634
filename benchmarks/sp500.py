"""S&P 500 closing levels, 5 days ahead: a random walk in disguise, on which no model should win.

Split 70/10/20 by time, every window of the test part. Reach: the verdict says that repeating the last value
is not beaten; a model that is more than 2 % better has seen the future.
"""

from __future__ import annotations

from _common import arguments, data_file, evaluation_rows, fit, merged, report, show, show_history, start

SETTINGS = {"horizon": 5, "window": 60, "max_epochs": 20}
LEAK = 0.02


def main() -> None:
    """Train and score, once per seed."""
    given = start(arguments(__doc__, data="sp500.csv(.gz)"))
    path = str(data_file(given.data, "sp500.csv", "sp500.csv.gz"))
    how = {"time": "Date", "target": "Close", "frequency": "row", "validation": 0.1, "test": 0.2}
    gains, beaten = [], []
    for seed in given.seeds:
        model, seconds = fit(merged(SETTINGS, given.set) | {"seed": seed}, path, **how)
        show_history(model)
        judged = model.evaluate()
        gains.append(1 - judged.overall["model"]["mae"] / judged.overall["repeat_last"]["mae"])
        beaten.append(judged.verdict.beats)
        print(f"\nseed {seed}, {seconds:.0f} s, {judged.origins} windows")
        show(evaluation_rows(judged))
        print(judged.verdict.text(), "\n")
    reached = not any(beaten) and max(gains) <= LEAK
    report("sp500", gain_over_last=gains, verdict_says_beaten=beaten, seeds=given.seeds, reached=reached)


if __name__ == "__main__":
    main()
