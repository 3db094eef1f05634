"""Pictures of a coloured bar above or below, with what is on them, and a captioner that learned to say it."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import tidegate as tg

COLOURS = {"red": (200, 40, 40), "green": (40, 160, 70), "blue": (40, 70, 200)}
SIZES: dict[str, Any] = {"hidden_size": 24, "dropout": 0.0, "learning_rate": 2e-2, "batch_size": 16}
SIZES |= {
    "network": {"channels": (8, 16), "halved": 2, "picture_dropout": 0.0},
    "augment": {"turn": 0.0, "shift": 0.03},
}


def bars(count: int, seed: int = 0) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Pictures of 16 by 16, no two alike, and their captions."""
    rng = np.random.default_rng(seed)
    pictures, captions = [], []
    for name in rng.choice(list(COLOURS), count):
        picture, low = rng.integers(225, 256, (16, 16, 3)).astype(np.uint8), bool(rng.integers(2))
        rows = slice(9, 15) if low else slice(1, 7)
        picture[rows, rng.integers(1, 4) : rng.integers(12, 15)] = COLOURS[str(name)]
        pictures.append(picture)
        captions.append(f"{name} {'below' if low else 'above'}")
    return pictures, captions


def write_table(folder: Path, count: int, seed: int = 0) -> Path:
    """Files of such pictures in a folder, and a table that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["picture\tcaption"]
    for place, (picture, caption) in enumerate(zip(*bars(count, seed), strict=True)):
        name = f"{seed}_{place}.png"
        Image.fromarray(picture).save(folder / name)
        lines.append(f"{name}\t{caption}")
    table = folder / f"{seed}.tsv"
    table.write_text("\n".join(lines) + "\n", "utf-8")
    return table


@functools.cache
def fitted() -> tg.Captioner:
    """Do not change it."""
    return tg.Captioner(**SIZES, max_epochs=14).fit(*bars(260), size=16, validation=30, test=30, progress=False)
