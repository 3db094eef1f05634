"""Classifiers and regressors on public problems, by the recipes of `examples/`, beside published figures.

    python benchmarks/labels.py --data DIR --problems GunPoint sst2 --seeds 0 1 2

DIR holds the files of the problems asked for, in any folders below it (see each example). Prints a line a problem: ours
(mean over seeds), the best baseline in the same run, the published figure, and whether ours is what was aimed at.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _common import arguments, merged, start

Run = Callable[[Path, int, dict[str, Any]], tuple[float, float, float]]


def main() -> None:
    parser = arguments(__doc__, data="the files of the problems asked for")
    parser.add_argument("--problems", nargs="+", choices=tuple(PROBLEMS), default=list(PROBLEMS))
    given = start(parser)
    import torch

    torch.set_num_threads(given.threads)
    sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
    lines = []
    for problem in given.problems:
        run, metric, aim, published = PROBLEMS[problem]
        scores, seconds = [], []
        beside, whole = float("nan"), float("nan")
        for seed in given.seeds:
            begin = time.perf_counter()
            score, beside, whole = run(given.data, seed, given.set)
            scores.append(score)
            seconds.append(time.perf_counter() - begin)
            print(f"  {problem} seed {seed}: {score:.4f} in {seconds[-1]:.0f} s", flush=True)
        ours = sum(scores) / len(scores)
        reached = ours <= aim if metric == "rmse" else ours >= aim
        print(
            f"{problem:16s} {metric} {ours:8.4f}  aim {aim:g}  best baseline {beside:.4f}  published {published:g}"
            f"  {max(seconds):.0f} s" + (f"  uncapped {whole:.2f}" if math.isfinite(whole) else "")
        )
        lines.append({"problem": problem, metric: ours, "scores": scores, "baseline": beside, "reached": bool(reached)})
    print(json.dumps({"problems": lines, "reached": all(line["reached"] for line in lines)}))


def accuracy(evaluation: Any) -> tuple[float, float, float]:
    """Ours, and the best baseline's."""
    own = evaluation.overall
    others = [scores["accuracy"] for name, scores in own.items() if name != "model"]
    return own["model"]["accuracy"], max(others, default=float("nan")), float("nan")


def archive(problem: str) -> Run:
    """A problem of the UCR/UEA archive."""
    return lambda data, seed, changes: accuracy(example("archive").run(data, seed, problem, **changes)[1])


def sentiment(language: str) -> Run:
    """English or Chinese sentiment."""

    def run(data: Path, seed: int, changes: dict[str, Any]) -> tuple[float, float, float]:
        module = example("sentiment")
        settings = merged(module.OPTIONS[language], changes)
        return accuracy(module.run(data, seed, language, **settings)[1])

    return run


def mnist1d(data: Path, seed: int, changes: dict[str, Any]) -> tuple[float, float, float]:
    """MNIST-1D: 40 steps of one channel."""
    import numpy as np

    import tidegate as tg

    with np.load(next(iter(sorted(data.rglob("mnist1d.npz"))))) as stored:
        x, y, fresh, truth = (stored[name] for name in ("x", "y", "x_test", "y_test"))
    settings = merged({"network": {"branch": ()}, "num_layers": 2, "hidden_size": 128, "max_epochs": 60}, changes)
    model = tg.Classifier(seed=seed, **settings).fit(x[:, None], y, test=0, progress=False)
    return accuracy(model.evaluate(fresh[:, None], truth))


def digits(speaker: str | None) -> Run:
    """Spoken digits, packed or unpacked."""

    def run(data: Path, seed: int, changes: dict[str, Any]) -> tuple[float, float, float]:
        module = example("spoken_digits")
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            packed = next(iter(sorted(data.rglob("recordings.tar.gz"))), None)
            if packed is None:
                place = next(iter(sorted(data.rglob("0_jackson_0.wav")))).parent
            else:
                with tarfile.open(packed) as file:
                    file.extractall(place, filter="data")
            return accuracy(module.run(place, seed, speaker, **merged(module.OPTIONS, changes))[1])

    return run


def turbofan(part: str) -> Run:
    """Remaining life of engines: RMSE with targets capped, and uncapped."""

    def run(data: Path, seed: int, changes: dict[str, Any]) -> tuple[float, float, float]:
        module = example("turbofan")
        found = module.run(data, seed, part, **merged(module.OPTIONS, changes))[1]
        return found["rmse"], found["mean"], found["uncapped"]

    return run


def intrusion(data: Path, seed: int, changes: dict[str, Any]) -> tuple[float, float, float]:
    """NSL-KDD, attack or not."""
    module = example("intrusion")
    return accuracy(module.run(data, seed, **merged(module.OPTIONS, changes))[1])


def joints(data: Path, seed: int, changes: dict[str, Any]) -> tuple[float, float, float]:
    """JHMDB: the mean over its three splits."""
    module = example("activity")
    place = next(iter(sorted(data.rglob("GT_train_1.npz")))).parent
    found = []
    for split in (1, 2, 3):
        evaluation = module.run(place, seed, split, **merged(module.OPTIONS, changes))[1]
        scores = {name: figures["accuracy"] for name, figures in evaluation.overall.items()}
        scores["bag_of_poses"] = module.bag_of_poses(*(module.clips(place, part, split) for part in ("train", "test")))
        found.append(scores)
    means = {name: sum(scores[name] for scores in found) / len(found) for name in found[0]}
    return means.pop("model"), max(means.values()), float("nan")


def example(name: str) -> Any:
    """A file of `examples/`."""
    return importlib.import_module(name)


# name: (run, metric, what is aimed at, published)
PROBLEMS: dict[str, tuple[Run, str, float, float]] = {
    "GunPoint": (archive("GunPoint"), "accuracy", 0.98, 1.0),
    "ArrowHead": (archive("ArrowHead"), "accuracy", 0.80, 0.863),
    "ECG200": (archive("ECG200"), "accuracy", 0.88, 0.910),
    "JapaneseVowels": (archive("JapaneseVowels"), "accuracy", 0.97, 0.993),
    "BasicMotions": (archive("BasicMotions"), "accuracy", 0.97, 1.0),
    "mnist1d": (mnist1d, "accuracy", 0.93, 0.91),
    "sst2": (sentiment("en"), "accuracy", 0.79, 0.827),
    "hotels": (sentiment("zh"), "accuracy", 0.89, 0.924),
    "digits": (digits(None), "accuracy", 0.975, 0.98),
    "FD001": (turbofan("FD001"), "rmse", 13.5, 13.65),
    "FD003": (turbofan("FD003"), "rmse", 13.7, 13.74),
    "intrusion": (intrusion, "accuracy", 0.81, 0.8202),
    "joints": (joints, "accuracy", 0.0, float("nan")),
}

if __name__ == "__main__":
    main()
