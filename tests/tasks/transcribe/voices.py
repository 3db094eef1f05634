"""Voices made of tones: every letter of a word is a pair of pitches, and speakers differ in height and speed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

RATE = 4000
WORDS = ("on", "off", "up")
_PITCHES = {"o": (300, 900), "n": (500, 1500), "f": (900, 1700), "u": (220, 700), "p": (1200, 1900)}


def say(text: str, speaker: int = 0, seed: int = 0) -> NDArray[np.float32]:
    """Samples of a text."""
    rng = np.random.default_rng([seed, speaker])
    height, speed = 1 + 0.03 * (speaker % 3 - 1), 1 + 0.08 * (speaker % 2)
    parts = [np.zeros(RATE // 25)]
    for word in text.split():
        for letter in word:
            steps = np.arange(int(RATE * 0.09 / speed * rng.uniform(0.9, 1.1))) / RATE
            tones = sum(np.sin(2 * np.pi * height * pitch * steps) for pitch in _PITCHES[letter])
            parts += [tones * np.hanning(len(steps)), np.zeros(RATE // 100)]
        parts.append(np.zeros(RATE // 20))
    wave = np.concatenate(parts)
    return np.asarray(0.3 * wave + 0.01 * rng.standard_normal(len(wave)), np.float32)


def texts(count: int, seed: int = 0) -> list[str]:
    """One or two words each."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, int(rng.integers(1, 3)))) for _ in range(count)]


def spoken(count: int, seed: int = 0) -> tuple[list[NDArray[np.float32]], list[str], list[str]]:
    """Samples, texts and speakers."""
    said = texts(count, seed)
    waves = [say(text, place % 6, seed + place) for place, text in enumerate(said)]
    return waves, said, [f"s{place % 6}" for place in range(count)]


def write_folder(root: Path, count: int, seed: int = 0) -> Path:
    """A table of paths, texts and speakers beside the sounds; its path."""
    root.mkdir(parents=True, exist_ok=True)
    lines = ["path,text,speaker"]
    for place, (wave, text, speaker) in enumerate(zip(*spoken(count, seed), strict=True)):
        wavfile.write(root / f"{seed}_{place}.wav", RATE, np.rint(wave * 32767).astype(np.int16))
        lines.append(f"{seed}_{place}.wav,{text},{speaker}")
    table = root / f"clips{seed}.csv"
    table.write_text("\n".join(lines) + "\n", "utf-8")
    return table
