"""Sounds to digits: the Free Spoken Digit Dataset.

    python examples/spoken_digits.py --data DIR

DIR is the folder of recordings `{digit}_{speaker}_{index}.wav` (github.com/Jakobovski/free-spoken-digit-dataset).
Recordings 0 to 4 of each speaker and digit are the test part; with `--speaker NAME` all of one speaker, never heard.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg

REFERENCE = 0.98
PATTERN = r"(?P<label>\d)_(?P<group>[a-z]+)_\d+"
OPTIONS: dict[str, Any] = {
    "num_layers": 2,
    "hidden_size": 96,
    "max_epochs": 25,
    "training": {"label_smoothing": 0.05},
    "network": {"branch": ()},
    "augment": {"step_mask": 0.2, "channel_mask": 0.25, "noise": 0.1},
}


def run(data: Path, seed: int, speaker: str | None = None, **options: Any) -> tuple[Any, Any]:
    """A fitted classifier, and its evaluation on the test part."""
    sounds = tg.read_sequences(data, kind="sound", pattern=PATTERN, mels=40)
    index = np.array([int(Path(name).stem.rsplit("_", 1)[1]) for name in sounds.ids])
    held = index < 5 if speaker is None else sounds.groups == speaker
    # A voice that was never heard: without the mean of each recording's channels less of the speaker is left.
    stranger = {} if speaker is None else {"network": {"normalise": "mean"}}
    model = tg.Classifier(seed=seed, **{**OPTIONS, **stranger, **options})
    by = "stratified" if speaker is None else "grouped"
    model.fit(sounds.take(np.flatnonzero(~held)), validation=0.15, test=0, by=by, progress=False)
    return model, model.evaluate(sounds.take(np.flatnonzero(held)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--speaker", help="hold this speaker out instead")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    _, evaluation = run(given.data, given.seed, given.speaker)
    print(evaluation)
    print(f"published, on recordings 0 to 4: about {REFERENCE:.2f}")


if __name__ == "__main__":
    main()
