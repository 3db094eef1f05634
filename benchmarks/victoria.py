"""Electricity demand of Victoria, hourly mean, 24 hours ahead; temperature, holidays and calendar known ahead.

The half-hourly file is averaged by the hour on the clock of Melbourne. Split 70/10/20 by time, every window of the
test part. Reach: test MAE of at most 112 MW (ridge with the known-ahead inputs 132; a plain two-layer LSTM
encoder-decoder of 64 units 111), and intervals of nominal 80 % that hold 75 to 85 %.
"""

from __future__ import annotations

from _common import arguments, data_file, evaluation_rows, fit, mean, merged, report, show, show_history, start

SETTINGS = {"horizon": 24, "level": [80.0]}
REACH, COVERAGE = 112, (75, 85)


def main() -> None:
    """Train and score, once per seed."""
    given = start(arguments(__doc__, data="vic_electricity.csv(.gz)"))
    frame = hourly(data_file(given.data, "vic_electricity.csv", "vic_electricity.csv.gz"))
    how = {
        "time": "Time",
        "target": "Demand",
        "known": ["Temperature", "Holiday"],
        "timezone": "Australia/Melbourne",
        "validation": 0.1,
        "test": 0.2,
    }
    scores, coverages, times = [], [], []
    for seed in given.seeds:
        model, seconds = fit(merged(SETTINGS, given.set) | {"seed": seed}, frame, **how)
        show_history(model)
        judged = model.evaluate()
        scores.append(judged.overall["model"]["mae"])
        coverages.append(100 * judged.coverage[0.8])
        times.append(seconds)
        print(f"\nseed {seed}, {seconds:.0f} s, {judged.origins} windows")
        show(evaluation_rows(judged))
        print(judged.verdict.text(), "\n")
    show([["80 % interval holds, %", *coverages], ["test MAE, MW", *scores], ["seconds", *times]])
    mae = mean(scores)
    reached = mae <= REACH and all(COVERAGE[0] <= share <= COVERAGE[1] for share in coverages)
    report("victoria", mae=mae, maes=scores, coverage=coverages, seconds=times, seeds=given.seeds, reached=reached)


def hourly(path):  # type: ignore[no-untyped-def]
    """Demand and temperature as means of the hour, in UTC, and whether the hour lies in a local holiday."""
    import polars as pl

    frame = pl.read_csv(path, null_values=["NA"]).with_columns(
        pl.col("Time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
        (pl.col("Holiday").cast(pl.String).str.to_lowercase() == "true").cast(pl.Float64).alias("Holiday"),
    )
    return (
        frame.sort("Time")
        .group_by_dynamic("Time", every="1h")
        .agg(pl.col("Demand").mean(), pl.col("Temperature").mean(), pl.col("Holiday").max())
    )


if __name__ == "__main__":
    main()
