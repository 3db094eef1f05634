"""Where versions are kept: the store of a folder, or of an MLflow server."""

from __future__ import annotations

from pathlib import Path

from tidegate.deploy.mlflow import MLFLOW, MlflowStore
from tidegate.deploy.store import Store


def open_store(place: str | Path) -> Store:
    """The store at a folder, or at `mlflow:URI` on an MLflow server (`mlflow:` alone takes MLFLOW_TRACKING_URI).

    Raises:
        ConfigError: no server's address was given. MissingExtraError: the extra mlflow is not installed.
    """
    return MlflowStore(str(place)[len(MLFLOW) :]) if str(place).startswith(MLFLOW) else Store(place)


def is_store(place: str | Path) -> bool:
    """Whether a place is a store, and not the folder of a run or a model."""
    if str(place).startswith(MLFLOW):
        return True
    path = Path(place)
    return not (path / "model.json").exists() and not (path / "model").exists() and bool(Store(path).names())
