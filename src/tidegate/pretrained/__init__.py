"""The pretrained forecaster's weights; model.json says what they are, CARD.md how they were made."""

from __future__ import annotations

from pathlib import Path


def folder() -> Path:
    """Where the packaged weights lie.

    >>> sorted(path.name for path in folder().glob("*.[jsm]*") if path.suffix != ".py")
    ['CARD.md', 'model.json', 'weights.safetensors']
    """
    return Path(__file__).parent
