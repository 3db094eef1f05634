"""Connections to attack or not: NSL-KDD, trained on its 20 % file, tested on KDDTest+ with attacks never seen before.

    python examples/intrusion.py --data DIR

DIR holds KDDTrain+_20Percent.txt and KDDTest+.txt (University of New Brunswick). A record stands alone: a sequence
of one step.

Nearly every third attack of the test is of a kind that the training file has not, so a validation part drawn by
chance says 99 % and cannot say how wary to be. `--choose` asks the training file itself: it hides a third of the kinds
at a time and counts how many are caught for a budget of false alarms. The budget in OPTIONS came from there.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import tidegate as tg

REFERENCE = {"NB tree": 0.8202, "random forest": 0.8067, "MLP": 0.7741, "RNN on six times the data": 0.8328}
COUNTS = ("f0", "f4", "f5", "f22", "f23", "f31", "f32")  # seconds, bytes and numbers of connections
BUDGETS = (0.005, 0.01, 0.02, 0.05)  # share of normal records that may raise an alarm, on the validation part
OPTIONS: dict[str, Any] = {"dropout": 0.3, "max_epochs": 8, "threshold": {"normal": 0.05}}


def run(data: Path, seed: int, **options: Any) -> tuple[Any, Any]:
    """A fitted classifier, and its evaluation on KDDTest+."""
    train, test = (records(data, name) for name in ("KDDTrain+_20Percent.txt", "KDDTest+.txt"))
    model = tg.Classifier(seed=seed, **{**OPTIONS, **options}).fit(train, validation=0.15, test=0, progress=False)
    return model, model.evaluate(test)


def choose(data: Path, seed: int) -> None:
    """Print, for each budget, the mean recall of kinds of attack that training had not, and the false alarms."""
    train = records(data, "KDDTrain+_20Percent.txt")
    normal = train.labels == "normal"
    own = kinds_of(data, "KDDTrain+_20Percent.txt")
    kinds, counts = np.unique(own[~normal], return_counts=True)
    fold = np.random.default_rng(seed).integers(0, 3, len(train))
    for place, kind in enumerate(kinds[np.argsort(-counts)]):
        fold[own == kind] = place % 3
    for budget in BUDGETS:
        found = []
        for hidden in range(3):
            model = tg.Classifier(seed=seed, **{**OPTIONS, "threshold": {"normal": budget}})
            model.fit(train.take(np.flatnonzero(fold != hidden)), validation=0.15, test=0, progress=False)
            held = np.flatnonzero(fold == hidden)
            alarm = model.predict_columns(train.take(held))["attack"] == "attack"
            caught = [alarm[own[held] == kind].mean() for kind in np.unique(own[held]) if kind != "normal"]
            found.append((np.mean(caught), alarm[normal[held]].mean()))
        caught, false = np.mean(found, axis=0)
        print(f"budget {budget:5.1%}: unknown kinds caught {caught:.3f}, false alarms {false:.3f}")


def records(data: Path, name: str) -> Any:
    """Records with 41 features; counts that span many sizes as their logarithm."""
    frame = table(data, name)
    frame = frame.with_columns(
        *(pl.col(column).cast(pl.Float64).log1p() for column in COUNTS),
        attack=pl.when(pl.col("attack") == "normal").then(pl.lit("normal")).otherwise(pl.lit("attack")),
    )
    return tg.read_sequences(frame.drop("level"), label="attack")


def kinds_of(data: Path, name: str) -> Any:
    """[N] the kind of each record: `normal`, or an attack's name."""
    return table(data, name)["attack"].to_numpy().astype(str)


def table(data: Path, name: str) -> pl.DataFrame:
    """A file of NSL-KDD, which has no header."""
    file = next(iter(sorted(data.rglob(f"{name}*"))), None)
    if file is None:
        raise SystemExit(f"{name} is not below {data}: it is part of NSL-KDD (University of New Brunswick)")
    return pl.read_csv(file, has_header=False, new_columns=[*(f"f{place}" for place in range(41)), "attack", "level"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--choose", action="store_true", help="compare budgets on the training file")
    given = parser.parse_args()
    if given.choose:
        choose(given.data, given.seed)
        return
    model, evaluation = run(given.data, given.seed)
    print(evaluation)
    known = set(kinds_of(given.data, "KDDTrain+_20Percent.txt"))
    kinds, alarm = kinds_of(given.data, "KDDTest+.txt"), model.predict_columns(records(given.data, "KDDTest+.txt"))
    fresh = np.array([kind not in known for kind in kinds])
    for name, part in (("known", ~fresh & (kinds != "normal")), ("unknown", fresh)):
        print(f"attacks of {name} kinds: {part.sum()}, caught {np.mean(alarm['attack'][part] == 'attack'):.3f}")
    print("published accuracy:", ", ".join(f"{name} {score:.3f}" for name, score in REFERENCE.items()))


if __name__ == "__main__":
    main()
