"""Coverage, width and score of 80 % intervals, 24 hours ahead: Victoria's demand and Beijing's PM2.5.

Split 70/10/20 by time, every window of the test part. The network's own quantiles, the same calibrated on the
validation part, and those that follow the errors as they are observed. Reach: the adaptive ones hold 77 to 83 %.
"""

from __future__ import annotations

from _common import arguments, data_file, fit, merged, report, show, show_history, start

SETTINGS = {"horizon": 24, "level": [80.0]}
NEAR = 3.0
VICTORIA = {"time": "Time", "target": "Demand", "known": ["Temperature", "Holiday"], "timezone": "Australia/Melbourne"}
BEIJING = {"time": "time", "target": "pm2.5", "observed": ["DEWP", "TEMP", "PRES", "Iws"]}


def main() -> None:
    """Train on each data set, and score the intervals."""
    given = start(arguments(__doc__, data="vic_electricity.csv(.gz) and pollution.csv"))
    from victoria import hourly

    sets = {
        "victoria": (hourly(data_file(given.data, "vic_electricity.csv", "vic_electricity.csv.gz")), VICTORIA),
        "beijing": (pollution(data_file(given.data, "pollution.csv")), BEIJING),
    }
    found: dict[str, list[dict[str, float]]] = {}
    for name, (frame, columns) in sets.items():
        for seed in given.seeds:
            settings = merged(SETTINGS, given.set) | {"seed": seed}
            model, seconds = fit(settings, frame, **columns, validation=0.1, test=0.2)
            show_history(model)
            intervals = model.intervals(level=80)
            print(f"\n{name}, seed {seed}, {seconds:.0f} s, {len(intervals.origins)} windows")
            show(intervals.rows("en"))
            for method in intervals.low:
                row = {"coverage": 100 * intervals.coverage(method), "width": intervals.width(method)}
                found.setdefault(f"{name}/{method}", []).append({**row, "score": intervals.score(method)})
    near = {key: all(abs(row["coverage"] - 80) <= NEAR for row in rows) for key, rows in found.items()}
    reached = all(value for key, value in near.items() if key.endswith("adaptive"))
    report("coverage", intervals=found, near=near, seeds=given.seeds, reached=reached)


def pollution(path):  # type: ignore[no-untyped-def]
    """Hourly PM2.5 with the weather measured beside it."""
    import polars as pl

    frame = pl.read_csv(path, null_values=["NA"], infer_schema_length=None)
    stamp = pl.datetime("year", "month", "day", "hour").alias("time")
    numbers = ["pm2.5", "DEWP", "TEMP", "PRES", "Iws"]
    return frame.select(stamp, *(pl.col(name).cast(pl.Float64) for name in numbers))


if __name__ == "__main__":
    main()
