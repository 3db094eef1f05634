"""What a fold leaves behind: forecasts of every method and their scores, in memory or in a folder of its own."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.atomic import existing_folder, write_folder
from tidegate.core.errors import ArtifactError, TidegateError
from tidegate.evaluate.fold_scores import FoldScores
from tidegate.evaluate.forecast.evaluation import Evaluation

ARRAYS = ("origins", "series", "positions", "actual", "forecasts", "quantiles", "losses")


@dataclass(frozen=True)
class FoldResult:
    """Forecasts of one fold: M windows, K steps, C targets, J methods, Q quantile levels.

    Attributes:
        index: of the fold, from 0.
        methods: [J] names, the model first. levels: [Q].
        origins: [M] rows of the whole table where each window begins. series: [M]. positions: [M] on the clock.
        actual: [M, K, C]. forecasts: [J, M, K, C]. quantiles: [M, K, C, Q] of the model.
        losses: [J, M] mean error of each window, in its series' scale where methods are ranked by MASE.
        evaluation: the scores. walk: whether its training part moves like a random walk.
        about: when its parts begin and end, and how long it took.
    """

    index: int
    methods: tuple[str, ...]
    levels: tuple[float, ...]
    origins: NDArray[np.int64]
    series: NDArray[np.int64]
    positions: NDArray[np.int64]
    actual: NDArray[np.float64]
    forecasts: NDArray[np.float64]
    quantiles: NDArray[np.float64]
    losses: NDArray[np.float64]
    evaluation: Evaluation
    walk: bool
    about: dict[str, Any]

    def scores(self) -> FoldScores:
        """What the fold contributes to the scores over all folds."""
        losses = dict(zip(self.methods, self.losses, strict=True))
        return FoldScores(self.evaluation, losses, self.series, self.positions, self.walk)


def fold_folder(out: Path, index: int) -> Path:
    """Where a fold's result lies."""
    return out / f"fold-{index + 1:03d}"


def write_fold(out: Path, result: FoldResult) -> None:
    """Write a fold whole or not at all.

    Raises:
        OutputError: the folder cannot be written.
    """
    files = {}
    for name in ARRAYS:
        buffer = io.BytesIO()
        np.save(buffer, getattr(result, name), allow_pickle=False)
        files[f"{name}.npy"] = buffer.getvalue()
    record = {
        "index": result.index,
        "methods": result.methods,
        "levels": result.levels,
        "walk": result.walk,
        "about": result.about,
        "evaluation": result.evaluation.to_json(),
    }
    files["fold.json"] = json.dumps(record, ensure_ascii=False, indent=1).encode()
    write_folder(fold_folder(out, result.index), files)


def read_fold(out: Path, index: int) -> FoldResult | None:
    """A fold as it was written, its arrays read from the disk when they are used; None where there is none.

    Raises:
        ArtifactError: it is damaged.
    """
    folder = existing_folder(fold_folder(out, index))
    if not (folder / "fold.json").exists():
        return None
    try:
        record = json.loads((folder / "fold.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
        return FoldResult(
            index=int(record["index"]),
            methods=tuple(record["methods"]),
            levels=tuple(record["levels"]),
            evaluation=Evaluation.from_json(record["evaluation"]),
            walk=bool(record["walk"]),
            about=dict(record["about"]),
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, TidegateError) as error:
        raise ArtifactError(f"{folder} cannot be read ({error}); delete it, and the fold is done again") from error
