"""M4 Hourly: one network for 414 series, 48 hours ahead from one origin, scored as the competition scored it.

The last 48 hours of every training series choose the epoch; then the network forecasts from the end of the
training series, and the competition's test file is scored once. sMAPE and MASE (season 24) are means over the
series; OWA is the mean of both relative to Naive2. Reach: OWA of at most 0.48 (seasonal naive 0.627).
"""

from __future__ import annotations

import csv

import numpy as np

from _common import arguments, data_file, fit, grouped, mean, merged, report, show, show_history, start

HORIZON, SEASON = 48, 24
NAIVE2 = (18.383, 2.395)
PUBLISHED = [  # sMAPE, MASE: "Evaluation and Ranks.xlsx" of the competition
    ("Doornik (best hourly)", 8.913, 0.801),
    ("Smyl, ES-RNN (winner)", 9.328, 0.893),
    ("seasonal naive", 13.912, 1.193),
    ("MLP benchmark", 13.842, 2.607),
    ("RNN benchmark", 14.698, 3.048),
    ("Naive2", *NAIVE2),
]
# The file has no times: that its rows are hours, with days and weeks, is said here.
HOURS = {"horizon": HORIZON, "window": 7 * SEASON, "network": {"lags": (SEASON, 7 * SEASON), "segment": SEASON}}
BUDGET = {"max_epochs": 6, "training": {"steps_per_epoch": 200, "patience": 0}}


def main() -> None:
    """Train, forecast and score once per seed."""
    needs = "Hourly-train.csv(.gz) and Hourly-test.csv(.gz) of the M4 competition"
    given = start(arguments(__doc__, data=needs, threads=1))
    from tidegate import read
    from tidegate.evaluate.forecast.metrics import mase, owa, smape
    from tidegate.tasks.search.presets import own_scales

    # What preset="best" tries for many series with days and weeks.
    recipe = merged(HOURS, grouped(own_scales(7 * SEASON, SEASON)))
    train = read(data_file(given.data, "Hourly-train.csv", "Hourly-train.csv.gz"), wide="rows")
    test = dict(series(data_file(given.data, "Hourly-test.csv", "Hourly-test.csv.gz")))
    history = [train.columns["value"][a:b] for a, b in train.rows()]
    rows: list[list[object]] = [["method", "sMAPE", "MASE", "OWA", "validation OWA", "seconds"]]
    scores = []
    for seed in given.seeds:
        model, seconds = fit(
            merged(merged(recipe, BUDGET), given.set) | {"seed": seed}, train, validation=HORIZON, test=0
        )
        show_history(model)
        chosen = model.evaluate(part="validation", ridge=False).overall["model"]
        forecast = model.forecast_columns()
        found = np.asarray(forecast["mean"]).reshape(len(train.ids), HORIZON)
        if list(forecast[train.schema.series][::HORIZON]) != list(train.ids):
            raise SystemExit("the forecasts do not come in the order of the series")
        pairs = [
            (np.asarray(test[name]), path, past) for name, path, past in zip(train.ids, found, history, strict=True)
        ]
        both = (mean([smape(y, f) for y, f, _ in pairs]), mean([mase(y, f, x, SEASON) for y, f, x in pairs]))
        scores.append((*both, owa(*both, *NAIVE2)))
        validation = owa(chosen["smape"], chosen["mase"], *NAIVE2)
        rows.append([f"tidegate, seed {seed}", *scores[-1], validation, seconds])
    rows += [[name, *both, owa(*both, *NAIVE2), None, None] for name, *both in PUBLISHED]
    show(rows)
    totals = [mean(column) for column in zip(*scores, strict=True)]
    report("m4_hourly", smape=totals[0], mase=totals[1], owa=totals[2], seeds=given.seeds, reached=totals[2] <= 0.48)


def series(path):  # type: ignore[no-untyped-def]
    """Name and values of every row of a competition file."""
    import gzip

    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)  # noqa: SIM115
    with opened as file:
        lines = csv.reader(file)
        next(lines)
        for name, *cells in lines:
            yield name, [float(cell) for cell in cells if cell]


if __name__ == "__main__":
    main()
