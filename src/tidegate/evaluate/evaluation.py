"""What every evaluation is: scores of methods by metric, the model's beside the baselines', and the verdict."""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin, get_type_hints

from tidegate.core.errors import DataError
from tidegate.core.names import method_name, metric_name
from tidegate.core.notebook import Notebook
from tidegate.core.table import Note
from tidegate.core.text import aligned, number
from tidegate.core.translate import Language, tr
from tidegate.evaluate.verdict import Verdict, skill_cell

MODEL = "model"
PERCENT = frozenset({"mape", "smape"})
T = TypeVar("T", bound="Saved")


@dataclass(frozen=True, kw_only=True, repr=False)
class Saved(Notebook):
    """A dataclass that is JSON by its fields: numbers, text, lists and mappings; values that do not exist are null."""

    def to_json(self) -> dict[str, Any]:
        """Plain values by field name, for `from_json`."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_json(cls: type[T], state: Mapping[str, Any]) -> T:
        """What `to_json` wrote.

        Raises:
            DataError: a key that has no default is missing, or one is unknown.
        """
        hints, own = get_type_hints(cls), fields(cls)
        needed = {field.name for field in own if field.default is MISSING and field.default_factory is MISSING}
        odd = sorted((set(state) - {field.name for field in own}) | (needed - set(state)))
        if odd:
            raise DataError(
                tr("saved evaluation has missing or unknown keys {odd}; evaluate again with this version", odd=odd)
            )
        return cls(**{name: _restored(value, hints[name]) for name, value in state.items()})


@dataclass(frozen=True, kw_only=True, repr=False)
class ScoreTable(Saved):
    """Scores of a model on one part of the data, beside the baselines'.

    Attributes:
        criterion: the metric that ranks methods.
        methods: "model", then the baselines, best first.
        overall: method -> metric -> value; NaN where a metric has no value.
        best_baseline: the baseline with the best criterion; None without baselines.
        skill: the share of the best baseline's error that the model saves; None without baselines, or beside one that
            makes none.
        verdict: what to think of it.
        notes: what was left out, and why.
    """

    COLUMNS: ClassVar[tuple[str, ...]] = ()

    criterion: str
    methods: tuple[str, ...]
    overall: Mapping[str, Mapping[str, float]]
    best_baseline: str | None
    skill: float | None
    verdict: Verdict
    notes: tuple[Note, ...] = ()

    def columns(self) -> list[str]:
        """The metrics of the table, the criterion first; those without any value are left out."""
        names = dict.fromkeys((*self.metrics(), self.criterion))
        known = [name for name in names if any(math.isfinite(self._value(m, name)) for m in self.methods)]
        return sorted(known, key=lambda name: name != self.criterion)

    def metrics(self) -> tuple[str, ...]:
        """What the table may show, in order."""
        return self.COLUMNS

    def rows(self, lang: Language | None = None) -> list[list[str]]:
        """The table as text: a head, then a row per method with its metrics and what the model gains on it."""
        shown, higher = self.columns(), self.verdict.higher
        heads = [metric_name(name, lang) + (" %" if name in PERCENT else "") for name in shown]
        table = [[tr("method", lang), *heads, tr("ahead, points", lang) if higher else tr("skill %", lang)]]
        model = self._value(MODEL, self.criterion)
        for method in self.methods:
            own = self._value(method, self.criterion)
            gain = f"{100 * (model - own):+.1f}" if higher else skill_cell(model, own)
            cells = [self.cell(name, self._value(method, name)) for name in shown]
            table.append([method_name(method, lang), *cells, "" if method == MODEL else gain])
        return table

    def cell(self, metric: str, value: float) -> str:
        """A value of the table as text."""
        return f"{value:.4f}" if metric == "r2" and abs(value) < 1000 else number(value)

    def details(self, lang: Language | None = None) -> list[str]:
        """Lines between the table and the verdict."""
        return []

    def table(self, lang: Language | None = None) -> str:
        """The table with aligned columns (Chinese characters count twice), what belongs to it, and the verdict."""
        alike = [tr(note.message, lang, **note.values) for note in self.notes if note.kind == "constant"]
        return "\n".join([*aligned(self.rows(lang)), *self.details(lang), *alike, "", self.summary(lang)])

    def summary(self, lang: Language | None = None) -> str:
        """The verdict in words."""
        return self.verdict.text(lang)

    def __str__(self) -> str:
        return self.table()

    def _value(self, method: str, metric: str) -> float:
        return self.overall[method].get(metric, math.nan)


def _plain(value: Any) -> Any:
    if isinstance(value, Note):
        return {"kind": value.kind, "message": value.message, "values": dict(value.values)}
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, Mapping):
        return {f"{key:g}" if isinstance(key, float) else str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


_PLAIN_TYPES: Mapping[Any, Callable[[Any], Any]] = {
    float: lambda value: math.nan if value is None else float(value),
    Note: lambda value: Note(value["kind"], value["message"], value["values"]),
}


def _restored(value: Any, hint: Any) -> Any:
    """What `_plain` made of a value of this type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (types.UnionType, Union):
        return None if value is None else _restored(value, next(part for part in inner if part is not type(None)))
    if hint in _PLAIN_TYPES:
        return _PLAIN_TYPES[hint](value)
    if origin is tuple:
        kinds = [inner[0]] * len(value) if Ellipsis in inner else inner
        return tuple(_restored(item, kind) for item, kind in zip(value, kinds, strict=True))
    if origin is list:
        return [_restored(item, inner[0]) for item in value]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {inner[0](key): _restored(item, inner[1]) for key, item in value.items()}
    return hint.from_json(value) if hasattr(hint, "from_json") else value
