"""Sentences for pictures: drawn shapes with what they show, or emoji with their names.

    python examples/captions.py                                        shapes, in English
    python examples/captions.py --language zh                          the same in Traditional Chinese
    python examples/captions.py --data captions.tsv --target caption   a table of pictures of your own

The test pictures are combinations of shapes and places that chance drew anew; the caption of the nearest training
picture stands beside the model's.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tidegate as tg

COLOURS = {"red": (205, 45, 45), "green": (40, 150, 70), "blue": (45, 75, 205), "yellow": (235, 200, 40)}
SHAPES = ("circle", "square", "triangle")
CHINESE = {"red": "紅色", "green": "綠色", "blue": "藍色", "yellow": "黃色"}
CHINESE |= {"circle": "圓形", "square": "正方形", "triangle": "三角形", "above": "在上", "left of": "在左"}
SIZE = 32


def draw(picture: NDArray[np.uint8], shape: str, colour: str, down: float, across: float, radius: float) -> None:
    """Paint one shape onto a picture."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    if shape == "circle":
        inside = (rows - down) ** 2 + (columns - across) ** 2 <= radius**2
    elif shape == "square":
        inside = (abs(rows - down) <= 0.85 * radius) & (abs(columns - across) <= 0.85 * radius)
    else:
        inside = (abs(rows - down) <= radius) & (abs(columns - across) <= (rows - down + radius) / 2)
    picture[inside] = COLOURS[colour]


def scene(rng: np.random.Generator, language: str) -> tuple[NDArray[np.uint8], str]:
    """Two shapes, one above the other or beside it, and the sentence that says so."""
    picture = np.full((SIZE, SIZE, 3), 255, np.uint8)
    first, second = ((str(rng.choice(list(COLOURS))), str(rng.choice(SHAPES))) for _ in range(2))
    above = bool(rng.integers(2))
    for place, (colour, shape) in zip((0.27, 0.73), (first, second), strict=True):
        centre = (place, 0.5) if above else (0.5, place)
        down, across = (SIZE * (part + rng.uniform(-0.05, 0.05)) for part in centre)
        draw(picture, shape, colour, down, across, SIZE * rng.uniform(0.13, 0.19))
    where = "above" if above else "left of"
    if language == "zh":
        one, other = ("".join(CHINESE[word] for word in own) for own in (first, second))
        return picture, f"{one}{CHINESE[where]}，{other}在{'下' if above else '右'}"
    return picture, f"a {' '.join(first)} {where} a {' '.join(second)}"


def main() -> None:
    """Train, score, and say where it looked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="table with a column of pictures and one of captions")
    parser.add_argument("--target", help="its column of captions")
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--pictures", type=int, default=900, help="shapes to draw (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=16)
    given = parser.parse_args()
    options: dict[str, Any] = {"hidden_size": 64, "dropout": 0.1, "learning_rate": 5e-3, "max_epochs": given.epochs}
    model = tg.Captioner(**options, network={"channels": (16, 32, 32), "halved": 2}, augment={"turn": 0.0})
    if given.data:
        model.fit(given.data, target=given.target, size=SIZE, test=0.2)
    else:
        rng = np.random.default_rng(0)
        drawn = [scene(rng, given.language) for _ in range(given.pictures)]
        model.fit([picture for picture, _ in drawn], [caption for _, caption in drawn], size=SIZE, test=0.2)
    print(model.evaluate())
    print(model.explain())


if __name__ == "__main__":
    main()
