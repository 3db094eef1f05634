"""Sensors to remaining life: NASA's turbofan engines (C-MAPSS), judged at the last cycle of each test engine.

    python examples/turbofan.py --data DIR [--set FD003]

DIR holds train_FD001.txt, test_FD001.txt and RUL_FD001.txt (NASA's Prognostics Center). Remaining cycles are capped at
125 in training and, as papers do, in the score; the score of what really remained stands beside it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg
from tidegate.evaluate.label import cmapss

REFERENCE = {"FD001": {"LSTM": 16.14, "BiLSTM": 13.65}, "FD003": {"LSTM": 16.18, "BiLSTM": 13.74}}  # RMSE
CAP = 125
OPTIONS: dict[str, Any] = {
    "window": 40,
    "training": {"stride": 3},  # neighbouring windows say nearly the same
    "num_layers": 2,
    "max_epochs": 12,
    "ensemble_size": 3,
    "network": {"branch": ()},
}


def run(data: Path, seed: int, part: str = "FD001", **options: Any) -> tuple[Any, dict[str, float]]:
    """A fitted regressor, and its figures on the test engines."""
    engine, values = engines(data, f"train_{part}.txt")
    left = np.concatenate([np.arange(count)[::-1] for count in np.unique(engine, return_counts=True)[1]])
    train = sequences(engine, values, np.minimum(left, CAP).astype(float))
    model = tg.Regressor(seed=seed, **{**OPTIONS, **options})
    model.fit(train, validation=0.2, test=0, progress=False)
    engine, values = engines(data, f"test_{part}.txt")
    truth = read(data, f"RUL_{part}.txt").reshape(-1)
    found = np.clip(model.predict(sequences(engine, values, None))["left"].to_numpy(), 0, CAP)
    capped = np.minimum(truth, CAP)
    return model, {
        "rmse": float(np.sqrt(np.mean((found - capped) ** 2))),
        "uncapped": float(np.sqrt(np.mean((found - truth) ** 2))),
        "score": cmapss(capped, found),
        "mean": float(np.sqrt(np.mean((np.mean(np.minimum(left, CAP)) - capped) ** 2))),
    }


def engines(data: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """[N] engine of each row, and [N, 24] settings and sensors."""
    table = read(data, name)
    return table[:, 0].astype(int), table[:, 2:]


def read(data: Path, name: str) -> np.ndarray:
    """A file of numbers between blanks."""
    file = next(iter(sorted(data.rglob(f"{name}*"))), None)
    if file is None:
        raise SystemExit(f"{name} is not below {data}: it is part of NASA's C-MAPSS data")
    return np.loadtxt(file, ndmin=2)


def sequences(engine: np.ndarray, values: np.ndarray, left: np.ndarray | None) -> Any:
    """One sequence for each engine, with what is left at each cycle."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(engine)) + 1, [len(engine)]])
    names = ("setting1", "setting2", "setting3", *(f"sensor{number}" for number in range(1, 22)))
    ids = tuple(str(engine[first]) for first in starts[:-1])
    return tg.Sequences(ids, starts, values, names, labels=left, label_names=("left",), per_step=left is not None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", dest="part", choices=tuple(REFERENCE), default="FD001")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    _, found = run(given.data, given.seed, given.part)
    print(f"RMSE {found['rmse']:.2f} cycles (uncapped {found['uncapped']:.2f}; always the mean {found['mean']:.2f})")
    print(f"C-MAPSS score {found['score']:.0f}; published RMSE: {REFERENCE[given.part]}")


if __name__ == "__main__":
    main()
