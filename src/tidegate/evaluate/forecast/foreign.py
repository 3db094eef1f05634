"""Baselines from elsewhere: a model of another library or a folder, or a function of one's own, on the same windows."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.core.errors import ConfigError, DataError
from tidegate.core.optional import require
from tidegate.core.table import Table
from tidegate.core.translate import tr
from tidegate.evaluate.forecast.baselines import Forecast, History

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
Method = Callable[[Array, int], Any]  # values before an origin [n] (gaps filled forward), K -> [K]
Asked = str | Method | Sequence[str | Method] | Mapping[str, str | Method]

LIBRARY = "statsforecast:"
CODE = "forecast.py"  # in a folder; its load(folder) gives a function of (values before, horizon)
MOST = 200  # windows that are scored where a method forecasts one at a time
LONGEST = 2_000  # rows that a library's model is fitted on, or ten seasons


def check_foreign(asked: Asked) -> dict[str, str | Method]:
    """Names of what was asked for.

    Raises:
        ConfigError: it is neither a function nor `statsforecast:` and a model's name nor NAME=FOLDER, the folder has no
            forecast.py, or two have one name.
    """
    if isinstance(asked, str) or callable(asked):
        asked = [asked]
    pairs = asked.items() if isinstance(asked, Mapping) else [(_named(each), each) for each in asked]
    pairs = [(name.partition("=")[0], each) for name, each in pairs]
    found: dict[str, str | Method] = {}
    for name, each in pairs:
        if name in found:
            raise ConfigError(tr("two baselines are called {name}; give a mapping of names to functions", name=name))
        folder = str(each).partition("=")[2]
        if folder and not callable(each) and not (Path(folder) / CODE).is_file():
            raise ConfigError(
                tr(
                    "baseline {name}: {folder} has no {code}, whose load(folder) gives a function of (values before, "
                    "horizon); nothing is downloaded",
                    name=name, folder=folder, code=CODE,
                )
            )  # fmt: skip
        if not callable(each) and each != "ridge" and not folder and not str(each).startswith(LIBRARY):
            message = (
                "there is no baseline {name}: name a model of statsforecast, such as statsforecast:AutoETS, or a "
                "folder with a model and its forecast.py, such as tirex=FOLDER, or in Python give a function of "
                "(values before, horizon)"
            )
            raise ConfigError(tr(message, name=repr(each)))
        found[name] = each
    return {name: each for name, each in found.items() if each != "ridge"}  # which every evaluation has


def foreign_methods(asked: Asked, table: Table, horizon: int, season: int) -> dict[str, Forecast]:
    """Methods as functions of origins [B] -> [B, K, C]; each target of a window is forecast on its own.

    Args:
        asked: functions, or names such as `statsforecast:AutoETS`. table: the raw series. horizon: K.
        season: m, for models that take one.

    Raises:
        ConfigError, MissingExtraError: as `check_foreign`; the library, or the model in it, is not there.
    """
    found = {
        name: each if callable(each) else _of_folder(name, each) if "=" in each else _of_library(name, each, season)
        for name, each in check_foreign(asked).items()
    }
    history = History.of(table, np.zeros((len(table.ids), len(table.schema.targets))))
    return {name: partial(_each, name, method, history, horizon) for name, method in found.items()}


def _named(each: Any) -> str:
    return each if isinstance(each, str) else str(getattr(each, "__name__", type(each).__name__))


def _of_library(name: str, asked: str, season: int) -> Method:
    """A model of statsforecast, fitted anew on the rows before each origin."""
    models: Any = require("statsforecast.models", extra="baselines", purpose=f"compare with {asked}")
    kind: Any = getattr(models, asked.removeprefix(LIBRARY), None)
    if not hasattr(kind, "forecast"):
        known = ", ".join(each for each in dir(models) if each.startswith("Auto"))
        raise ConfigError(tr("statsforecast has no model {name}; it has {known} and others", name=name, known=known))
    takes = "season_length" in inspect.signature(kind).parameters
    model = kind(season_length=season) if takes else kind()
    longest = max(LONGEST, 10 * season)
    return lambda past, horizon: model.forecast(y=past[-longest:], h=horizon)["mean"]


def _of_folder(name: str, asked: str) -> Method:
    """What `load(folder)` of the folder's own forecast.py gives.

    Raises:
        ConfigError: the file cannot be run, as where a package that it needs is not there, or has no such function.
    """
    folder = Path(asked.partition("=")[2]).absolute()
    try:
        found = runpy.run_path(str(folder / CODE))["load"](folder)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise ConfigError(
            tr(
                "baseline {name}: load(folder) of {path} failed ({cause}); install what it needs, or leave it out",
                name=name, path=folder / CODE, cause=cause,
            )
        ) from error  # fmt: skip
    if not callable(found):
        raise ConfigError(tr("baseline {name}: load(folder) of {path} gave no function", name=name, path=folder / CODE))
    method: Method = found
    return method


def _each(name: str, method: Method, history: History, horizon: int, origins: Rows) -> Array:
    """[B, K, C], one call for each origin and target.

    Raises:
        DataError: a method fails, or returns something else than K finite numbers.
    """
    out = np.zeros((len(origins), horizon, len(history.columns)))
    for b, (origin, series) in enumerate(zip(origins.tolist(), history.series_of(origins).tolist(), strict=True)):
        for c, column in enumerate(history.columns):
            past = np.asarray(column[history.first[series, c] : origin], dtype=np.float64)
            if not past.size:
                continue
            try:
                found = np.asarray(method(past, horizon), dtype=np.float64)
            except Exception as error:
                raise DataError(
                    tr("the baseline {name} failed on {rows} rows: {error}", name=name, rows=past.size, error=error)
                ) from error
            if found.shape != (horizon,) or not np.isfinite(found).all():
                raise DataError(
                    tr("the baseline {name} must return {horizon} finite numbers, in an array of shape ({horizon},); "
                       "it returned one of shape {shape}", name=name, horizon=horizon, shape=found.shape)
                )  # fmt: skip
            out[b, :, c] = found
    return out
