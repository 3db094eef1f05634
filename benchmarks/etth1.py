"""ETTh1: all seven columns, 96 to 720 hours ahead, by the protocol that papers share.

Rows 0 to 8,640 train, the next 2,880 choose the epoch, the next 2,880 test; values are z-scored with the training
part's mean and deviation, every window of the test part counts (stride 1), and MSE and MAE are of z-scores.
Reach: MSE of at most 0.378 at 96 and 0.430 at 336, at most ten minutes of training each.

    python benchmarks/etth1.py --data DIR --horizon 96
"""

from __future__ import annotations

import numpy as np

from _common import arguments, data_file, fit, grouped, mean, merged, report, show, show_history, start

TRAIN, PART = 8640, 2880
PUBLISHED = {  # MSE, as their papers give it
    96: {"SegRNN (window 720)": 0.351, "PatchTST": 0.375, "DLinear": 0.375, "per-step GRU": 1.135},
    192: {"SegRNN (window 720)": 0.392, "DLinear": 0.405, "PatchTST": 0.414, "per-step GRU": 1.123},
    336: {"SegRNN (window 720)": 0.423, "PatchTST": 0.431, "DLinear": 0.439, "per-step GRU": 1.080},
    720: {"PatchTST": 0.449, "SegRNN (window 720)": 0.466, "DLinear": 0.472, "per-step GRU": 1.089},
}
REACH = {96: 0.378, 336: 0.430}
BUDGET = {"max_epochs": 4, "training": {"patience": 0}}  # minutes, not the preset's usual hour


def main() -> None:
    """Train and score one horizon, once per seed."""
    parser = arguments(__doc__, data="ETTh1.csv")
    parser.add_argument("--horizon", type=int, choices=sorted(PUBLISHED), default=96)
    given = start(parser)
    import polars

    from tidegate.tasks.search.presets import days

    frame = polars.read_csv(data_file(given.data, "ETTh1.csv"), try_parse_dates=True)[: TRAIN + 2 * PART]
    targets = [name for name in frame.columns if name != "date"]
    # What preset="best" tries for data of so many days and targets: a month of days, in segments of two.
    recipe = grouped(days(len(targets), 30 * 24, 2 * 24))
    deviation = frame[:TRAIN].select(targets).to_numpy().std(axis=0)
    how = {"time": "date", "target": targets, "validation": PART, "test": PART}
    rows: list[list[object]] = [["method", "MSE", "MAE", "validation MSE", "seconds"]]
    scores, times = [], []
    for seed in given.seeds:
        settings = merged(merged(recipe, BUDGET), given.set) | {"horizon": given.horizon, "seed": seed}
        model, seconds = fit(settings, frame, **how)
        show_history(model)
        judged = {part: model.evaluate(part=part, ridge=False) for part in ("validation", "test")}
        both = {part: standard_scores(found, targets, deviation) for part, found in judged.items()}
        scores.append(both["test"])
        times.append(seconds)
        rows.append([f"tidegate, seed {seed}", *both["test"]["model"], both["validation"]["model"][0], seconds])
    windows = PART - given.horizon + 1
    if judged["test"].origins != windows:
        raise SystemExit(f"{judged['test'].origins} test windows were scored, the protocol has {windows}")
    rows += [[name, *values, None, None] for name, values in scores[0].items() if name != "model"]
    rows += [[f"{name} (published)", value, None, None, None] for name, value in PUBLISHED[given.horizon].items()]
    show(rows)
    mse, mae = (mean([score["model"][index] for score in scores]) for index in range(2))
    reached = mse <= REACH[given.horizon] and max(times) <= 600 if given.horizon in REACH else None
    values = {"horizon": given.horizon, "mse": mse, "mae": mae, "seconds": times, "windows": windows}
    report("etth1", **values, seeds=given.seeds, threads=given.threads, reached=reached)


def standard_scores(judged, targets, deviation) -> dict[str, tuple[float, float]]:  # type: ignore[no-untyped-def]
    """Method -> MSE and MAE of z-scores: those in the columns' own units, divided by the training deviations."""
    found = {}
    for method in judged.methods:
        own = [judged.per_target[name][method] for name in targets]
        squares = np.array([item["mse"] for item in own]) / deviation**2
        sizes = np.array([item["mae"] for item in own]) / deviation
        found[method] = (float(squares.mean()), float(sizes.mean()))
    return found


if __name__ == "__main__":
    main()
