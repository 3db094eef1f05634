"""Movements to activities: a watch on the wrist, or the joints of people in video clips.

python examples/activity.py                        # BasicMotions, which the package aeon carries (pip install aeon)
python examples/activity.py --data DIR --joints    # JHMDB: GT_train_1.npz, GT_test_1.npz, ... (X, lengths, label)
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg

OPTIONS: dict[str, Any] = {
    "augment": {"noise": 0.05, "scaling": 0.1},
    "dropout": 0.5,
    "ensemble_size": 3,
    "network": {"branch": (128, 256, 128)},
}


def run(data: Path, seed: int, split: int = 1, **options: Any) -> tuple[Any, Any]:
    """A fitted classifier of one split of JHMDB's joints, and its evaluation."""
    train, test = (clips(data, part, split) for part in ("train", "test"))
    model = tg.Classifier(seed=seed, **{**OPTIONS, **options}).fit(train, test=0, validation=0.15, progress=False)
    return model, model.evaluate(test)


def clips(data: Path, part: str, split: int) -> Any:
    """Joints centred on the person and scaled by its size, with their velocities."""
    file = data / f"GT_{part}_{split}.npz"
    if not file.exists():
        raise SystemExit(f"{file} is missing: github.com/fandulu/DD-Net has the joints of JHMDB")
    with np.load(file) as stored:
        joints = np.split(stored["X"], np.cumsum(stored["lengths"])[:-1])
        labels = stored["label"].astype(object)
    return tg.read_sequences(joints, labels=labels, kind="joints")


def bag_of_poses(train: Any, test: Any, poses: int = 100) -> float:
    """Accuracy without time: how often each typical pose and movement occurs in a clip, and a logistic regression."""
    from sklearn.cluster import KMeans
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.values)
    typical = KMeans(poses, n_init=1, random_state=0).fit(scaler.transform(train.values))

    def shares(some: Any) -> np.ndarray:
        found = np.eye(poses)[typical.predict(scaler.transform(some.values))]
        return np.sqrt(np.add.reduceat(found, some.starts[:-1]) / some.lengths[:, None])

    judge = LogisticRegression(C=10, max_iter=1000).fit(shares(train), train.labels.astype(str))
    return float(judge.score(shares(test), test.labels.astype(str)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--joints", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if not given.joints:
        import archive  # the file beside this one

        archive.main_of(given.data, ["BasicMotions"], given.seed)
        return
    if given.data is None:
        raise SystemExit("--joints needs --data, the folder with GT_train_1.npz, GT_test_1.npz, ...")
    scores = []
    for split in (1, 2, 3):
        _, evaluation = run(given.data, given.seed, split)
        print(f"== split {split}\n{evaluation}\n")
        accuracy = {name: found["accuracy"] for name, found in evaluation.overall.items()}
        accuracy["bag_of_poses"] = bag_of_poses(*(clips(given.data, part, split) for part in ("train", "test")))
        scores.append(accuracy)
    print("mean accuracy over the splits:")
    for name in scores[0]:
        print(f"  {name:18s} {np.mean([accuracy[name] for accuracy in scores]):.3f}")


if __name__ == "__main__":
    main()
