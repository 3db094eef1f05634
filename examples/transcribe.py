"""Sounds to words: commands of made-up voices, or telephone prompts.

    python examples/transcribe.py                  commands of two words, spoken in tones by six voices made up here
    python examples/transcribe.py --data DIR       DIR holds transcripts.tsv (file, text, part) and the sound files

Prints the word error rate of the test part beside that of the most frequent transcript, and some transcripts.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg

RATE = 4000
VERBS, THINGS = ("open", "close", "dim"), ("door", "lamp", "gate")
SMALL: dict[str, Any] = {"hidden_size": 32, "num_layers": 1, "max_epochs": 30, "batch_size": 8, "learning_rate": 0.02}


def say(text: str, voice: int, rng: np.random.Generator) -> np.ndarray:
    """Samples of a text: each word is a melody of two chords, which voices sing higher or lower, faster or slower."""
    height, speed = 1 + 0.02 * (voice - 2.5), 1 + 0.05 * (voice % 3)
    parts = [np.zeros(RATE // 20)]
    for word in text.split():
        place = (VERBS + THINGS).index(word)
        for pitch in (300 + 220 * place, 1500 - 190 * place):
            steps = np.arange(int(RATE * 0.15 / speed * rng.uniform(0.85, 1.15))) / RATE
            parts.append(np.sin(2 * np.pi * height * pitch * steps) * np.hanning(len(steps)))
        parts.append(np.zeros(int(RATE * rng.uniform(0.02, 0.1))))
    wave = 0.3 * np.concatenate(parts)
    return wave + 0.02 * rng.standard_normal(len(wave))


def main() -> None:
    """Train, judge and show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int)
    given = parser.parse_args()
    epochs = {} if given.epochs is None else {"max_epochs": given.epochs}
    if given.data is not None:
        model = tg.Transcriber(**epochs).fit(given.data / "transcripts.tsv")
    else:
        rng = np.random.default_rng(0)
        texts = [f"{rng.choice(VERBS)} {rng.choice(THINGS)}" for _ in range(90)]
        waves = [say(text, place % 6, rng) for place, text in enumerate(texts)]
        model = tg.Transcriber(**{**SMALL, **epochs})
        model.fit(waves, texts, speakers=[f"voice {place % 6}" for place in range(90)], rate=RATE, mels=24)
    print(model.evaluate())
    print(model.predict().head(8))


if __name__ == "__main__":
    main()
