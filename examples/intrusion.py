"""Connections to attack or not: NSL-KDD, trained on its 20 % file, tested on KDDTest+ with attacks never seen before.

    python examples/intrusion.py --data DIR

DIR holds KDDTrain+_20Percent.txt and KDDTest+.txt (University of New Brunswick). A record stands alone: a sequence
of one step.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import polars as pl

import tidegate as tg

REFERENCE = {"NB tree": 0.8202, "random forest": 0.8067, "MLP": 0.7741, "RNN on six times the data": 0.8328}
COUNTS = ("f0", "f4", "f5", "f22", "f23", "f31", "f32")  # seconds, bytes and numbers of connections
OPTIONS: dict[str, Any] = {"hidden_size": 64, "num_layers": 1, "dropout": 0.3, "max_epochs": 8}


def run(data: Path, seed: int, **options: Any) -> tuple[Any, Any]:
    """A fitted classifier, and its evaluation on KDDTest+."""
    train, test = (records(data, name) for name in ("KDDTrain+_20Percent.txt", "KDDTest+.txt"))
    model = tg.Classifier(seed=seed, **{**OPTIONS, **options})
    model.fit(train, validation=0.1, test=0, progress=False)
    return model, model.evaluate(test)


def records(data: Path, name: str) -> Any:
    """Records with 41 features; counts that span many sizes as their logarithm."""
    file = next(iter(sorted(data.rglob(f"{name}*"))), None)
    if file is None:
        raise SystemExit(f"{name} is not below {data}: it is part of NSL-KDD (University of New Brunswick)")
    frame = pl.read_csv(file, has_header=False, new_columns=[f"f{place}" for place in range(41)] + ["attack", "level"])
    frame = frame.with_columns(
        *(pl.col(column).cast(pl.Float64).log1p() for column in COUNTS),
        attack=pl.when(pl.col("attack") == "normal").then(pl.lit("normal")).otherwise(pl.lit("attack")),
    )
    return tg.read_sequences(frame.drop("level"), label="attack")


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
