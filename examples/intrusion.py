"""Connections to attack or not: NSL-KDD, trained on its 20 % file, tested on KDDTest+ with attacks never seen before.

    python examples/intrusion.py --data DIR

DIR holds KDDTrain+_20Percent.txt and KDDTest+.txt (University of New Brunswick). A record stands alone: a sequence
of one step.

Nearly every third attack of the test is of a kind that the training file has not. A validation part drawn by chance
knows all kinds and says 99 %; here it is of kinds that training did not see (`group="kind"`), so that epochs and
threshold are chosen for attacks that are new. Then all kinds are trained on for as many epochs (`refit`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import polars as pl

import tidegate as tg

REFERENCE = {"NB tree": 0.8202, "random forest": 0.8067, "MLP": 0.7741, "RNN on six times the data": 0.8328}
COUNTS = ("f0", "f4", "f5", "f22", "f23", "f31", "f32")  # seconds, bytes and numbers of connections
OPTIONS: dict[str, Any] = {"dropout": 0.5, "max_epochs": 8, "threshold": "balanced_accuracy", "refit": True}


def run(data: Path, seed: int, **options: Any) -> tuple[Any, Any]:
    """A fitted classifier, and its evaluation on KDDTest+."""
    train, test = (records(data, name) for name in ("KDDTrain+_20Percent.txt", "KDDTest+.txt"))
    model = tg.Classifier(seed=seed, **{**OPTIONS, **options})
    model.fit(train, validation=0.2, test=0, by="grouped", progress=False)
    return model, model.evaluate(test)


def records(data: Path, name: str) -> Any:
    """Records with 41 features; counts that span many sizes as their logarithm."""
    file = next(iter(sorted(data.rglob(f"{name}*"))), None)
    if file is None:
        raise SystemExit(f"{name} is not below {data}: it is part of NSL-KDD (University of New Brunswick)")
    frame = pl.read_csv(file, has_header=False, new_columns=[f"f{place}" for place in range(41)] + ["attack", "level"])
    normal = pl.col("attack") == "normal"
    frame = frame.with_row_index("row").with_columns(
        *(pl.col(column).cast(pl.Float64).log1p() for column in COUNTS),
        attack=pl.when(normal).then(pl.lit("normal")).otherwise(pl.lit("attack")),
        kind=pl.when(normal).then(pl.col("row").cast(pl.String)).otherwise(pl.col("attack")),
    )
    return tg.read_sequences(frame.drop("level", "row"), label="attack", group="kind")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    _, evaluation = run(given.data, given.seed)
    print(evaluation)
    print("published accuracy:", ", ".join(f"{name} {score:.3f}" for name, score in REFERENCE.items()))


if __name__ == "__main__":
    main()
