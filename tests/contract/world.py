"""One tiny model of every task, fitted once, with its file and its run: what the contract is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg
from tests.tasks.caption.pictures import write_table
from tests.tasks.forecast.models import hours, wave, write_csv
from tests.tasks.label import bad
from tests.tasks.language.corpora import chain
from tests.tasks.transcribe.voices import write_folder
from tests.tasks.translate.models import reversed_digits

TASKS = ("forecast", "classify", "regress", "detect", "generate", "translate", "transcribe", "caption")
SEQUENCES = {"id": "run", "time": "step", "features": ["speed", "heat"]}
LIGHT: dict[str, Any] = {"network": {"branch": ()}, "hidden_size": 4, "max_epochs": 2}
SPEECH: dict[str, Any] = {"hidden_size": 16, "num_layers": 1, "dropout": 0.0, "max_epochs": 25, "batch_size": 4}
SPEECH |= {"learning_rate": 0.03, "augment": {"noise": 0.0, "step_masks": 0, "channel_masks": 0}}
BRIEF: dict[str, Any] = {"training": {"steps_per_epoch": 4, "patience": 2}, "max_epochs": 2}


@dataclass(frozen=True)
class Tiny:
    """A task: an estimator that trains in a moment, how its file is read, and the same as words of a command."""

    make: Any
    options: dict[str, Any]
    reading: dict[str, Any]
    words: tuple[str, ...]
    trains: tuple[str, ...]


_LABELS = ("--id", "run", "--time", "step", "--features", "speed", "--features", "heat")
_LIGHT = ("--set", "network.branch=[]", "--hidden-size", "4", "--max-epochs", "2")
_BRIEF = ("--set", "training.steps_per_epoch=4", "--max-epochs", "2", "--num-layers", "1")
TINY = {
    "forecast": Tiny(
        tg.Forecaster,
        {**BRIEF, "horizon": 4, "window": 12, "hidden_size": 6, "num_layers": 1, "network": {"normalise": None}},
        {"time": "time", "target": "y"},
        ("--time", "time", "--target", "y"),
        (*_BRIEF, "--horizon", "4", "--window", "12", "--hidden-size", "6", "--set", "normalise=none"),
    ),
    "classify": Tiny(tg.Classifier, LIGHT, {**SEQUENCES, "label": "fault"}, (*_LABELS, "--label", "fault"), _LIGHT),
    "regress": Tiny(tg.Regressor, LIGHT, {**SEQUENCES, "label": "wear"}, (*_LABELS, "--label", "wear"), _LIGHT),
    "detect": Tiny(
        tg.AnomalyDetector,
        {**BRIEF, "window": 24, "hidden_size": 6},
        {"time": "time", "target": "y"},
        ("--time", "time", "--target", "y"),
        (*_BRIEF, "--window", "24", "--hidden-size", "6"),
    ),
    "generate": Tiny(
        tg.LanguageModel,
        {"max_epochs": 2, "window": 16, "hidden_size": 8, "num_layers": 1},
        {},
        (),
        ("--max-epochs", "2", "--window", "16", "--hidden-size", "8", "--num-layers", "1"),
    ),
    "translate": Tiny(
        tg.Translator,
        {"max_epochs": 2, "tokens": "char", "hidden_size": 8, "num_layers": 1},
        {"source": "a", "target": "b"},
        ("--source", "a", "--target", "b"),
        ("--max-epochs", "2", "--tokens", "char", "--hidden-size", "8", "--num-layers", "1"),
    ),
    "transcribe": Tiny(
        tg.Transcriber,
        {**SPEECH, "bidirectional": False, "preparation": {"tokens": "word", "stack": 4}, "decoding": {"beam": 1}},
        {"mels": 12},
        ("--mels", "12"),
        ("--tokens", "word", "--hidden-size", "8", "--num-layers", "1", "--max-epochs", "2"),
    ),
    "caption": Tiny(
        tg.Captioner,
        {"max_epochs": 3, "hidden_size": 8, "network": {"channels": (4, 8), "halved": 2}},
        {"path": "picture", "size": 16},
        ("--path", "picture", "--size", "16"),
        ("--max-epochs", "2", "--hidden-size", "8", "--set", "network.channels=[4,8]", "--set", "network.halved=2"),
    ),
}


@dataclass(frozen=True)
class World:
    """Task -> the file it was fitted on, rows it has not seen, its run, and the estimator as `fit` left it."""

    folder: Path
    data: dict[str, Path]
    new: dict[str, Path]
    runs: dict[str, Path]
    models: dict[str, Any]


def series(rows: int, seed: int, spikes: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    """An hourly wave, with a few values that are not as the others."""
    values = wave(rows, seed)
    values[list(spikes)] += 20
    return {"time": hours(rows), "y": values}


def sequences(path: Path, count: int, seed: int) -> Path:
    """Recordings of machines: which fault they have, and how worn they are."""
    lines = ["run,step,speed,heat,fault,wear"]
    for run, step, _, speed, heat, fault in bad.runs(count, seed=seed):
        lines.append(f"{run},{step},{speed},{heat},{fault},{float(str(heat)) ** 2 / 40 + 1}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def write_pairs(path: Path, count: int, seed: int) -> Path:
    """Strings of digits and the same from the back."""
    rows = (f"{source}\t{target}\n" for source, target in reversed_digits(count, seed))
    path.write_text("a\tb\n" + "".join(rows), "utf-8")
    return path


def build(folder: Path) -> World:
    """Write the files and fit every task once."""
    waves = write_csv(folder / "waves.csv", series(500, 0, (440, 470)))
    later = write_csv(folder / "later.csv", series(120, 1, (60,)))
    machines, others = sequences(folder / "machines.csv", 40, 0), sequences(folder / "others.csv", 12, 5)
    corpus, text = folder / "corpus.txt", folder / "text.txt"
    corpus.write_text(chain(900), "utf-8")
    text.write_text(chain(120, seed=5), "utf-8")
    pairs, more = write_pairs(folder / "pairs.tsv", 200, 0), write_pairs(folder / "more.tsv", 20, 7)
    data = {"forecast": waves, "classify": machines, "regress": machines, "detect": waves, "generate": corpus}
    data |= {"translate": pairs, "transcribe": write_folder(folder / "clips", 24)}
    data["caption"] = write_table(folder / "pictures", 60)
    new = {"forecast": later, "classify": others, "regress": others, "detect": later, "generate": text}
    new |= {"translate": more, "transcribe": write_folder(folder / "clips", 5, seed=300)}
    new["caption"] = write_table(folder / "pictures", 12, seed=8)
    runs = {task: folder / task for task in TASKS}
    models = {
        task: tiny.make(**tiny.options).fit(str(data[task]), **tiny.reading, out=runs[task], progress=False)
        for task, tiny in TINY.items()
    }
    return World(folder, data, new, runs, models)


def nearly(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same but for rounding: one was computed in torch, the other in numpy."""
    if isinstance(one, dict) and isinstance(other, dict):
        return set(one) == set(other) and all(nearly(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(nearly(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return bool(np.isclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True))
    return bool(one == other)
