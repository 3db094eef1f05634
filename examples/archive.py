"""Recordings to classes: problems of the UCR/UEA archive (gestures, arrow heads, heart beats, vowels, sports).

    python examples/archive.py --data DIR

DIR holds `<Problem>_TRAIN.ts` and `<Problem>_TEST.ts` (timeseriesclassification.com); without it, the problems that
the package `aeon` carries are taken: `pip install aeon`. One setting, tidegate's own, for all of them.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

import tidegate as tg

# Accuracy on the archive's own split: 1-nearest neighbour with Euclidean distance, and InceptionTime.
REFERENCE = {
    "GunPoint": (0.913, 1.0),
    "ArrowHead": (0.800, 0.863),
    "ECG200": (0.880, 0.910),
    "JapaneseVowels": (0.924, 0.993),
    "BasicMotions": (0.676, 1.0),
}


def run(data: Path, seed: int, problem: str = "GunPoint", **options: Any) -> tuple[Any, Any]:
    """A fitted classifier of one problem, and its evaluation on the archive's test part."""
    train, test = (tg.read_sequences(find(data, f"{problem}_{part}.ts")) for part in ("TRAIN", "TEST"))
    model = tg.Classifier(seed=seed, **options).fit(train, test=0, progress=False)
    return model, model.evaluate(test)


def find(data: Path, name: str) -> Path:
    """A file of the archive, wherever it lies below a folder, plain or compressed."""
    found = sorted(data.rglob(f"{name}*"))
    if not found:
        raise SystemExit(f"{name} is not below {data}: get the problem from timeseriesclassification.com")
    return found[0]


def main_of(data: Path | None, problems: list[str], seed: int) -> None:
    """Print the table of each problem."""
    if data is None:
        place = importlib.util.find_spec("aeon")
        if place is None or place.origin is None:
            raise SystemExit("give --data, a folder of the UCR/UEA archive, or: pip install aeon")
        data = Path(place.origin).parent / "datasets"
    for problem in problems:
        _, evaluation = run(data, seed, problem)
        near, deep = REFERENCE.get(problem, (float("nan"), float("nan")))
        print(f"== {problem}: 1-NN {near:.3f}, InceptionTime {deep:.3f} (published)\n{evaluation}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the archive; none takes what the package aeon carries")
    parser.add_argument("--problem", nargs="+", default=list(REFERENCE))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main_of(given.data, given.problem, given.seed)


if __name__ == "__main__":
    main()
