"""Findings reconciled before they are shown: one page never asks for opposite things, nor for what is there already."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.diagnose.finding import ON, Finding

NONE_IS_ENDLESS = frozenset({"patience", "clip"})  # 0 means without a limit
COLUMNS = "columns"  # the way of a list: only ever fewer
SIZE = {"hidden_size": 1, "num_layers": 1, "dropout": -1}  # what makes a network fit closer, or looser


def reconcile(ranked: Sequence[Finding], config: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Findings that can be followed together.

    1. A change that is there already is not advised; a finding left without any says that what helps is set.
    2. The first finding that wants an option changed settles which way; one that wants the opposite, of this option or
       of the network's size, yields: it goes where it merely could be better, else it refers to the first.
    3. Columns that an earlier finding takes out stay out.

    Args:
        ranked: root cause first. config: the estimator's options by their plain names, as they are.
    """
    claims: dict[str, tuple[Any, Finding]] = {}
    kept: list[Finding] = []
    for item in ranked:
        found = _narrowed(_without_what_is_on(item, config), claims)
        ways: dict[str, Any] = {}
        for name, value in found.remedy.items():
            ways |= _ways(name, value, config)
        rival = next((claims[axis][1] for axis, way in ways.items() if axis in claims and claims[axis][0] != way), None)
        if rival is None:
            kept.append(found)
            claims |= {axis: (way, found) for axis, way in ways.items() if axis not in claims or way == COLUMNS}
        elif item.severity != "info":
            kept.append(replace(item, remedy={}, instead=rival.id))
    return tuple(kept)


def _without_what_is_on(item: Finding, config: Mapping[str, Any]) -> Finding:
    left = {name: value for name, value in item.remedy.items() if not is_on(name, value, config)}
    if len(left) == len(item.remedy):
        return item
    return replace(item, remedy=left, instead="" if left else ON)


def is_on(name: str, value: Any, config: Mapping[str, Any]) -> bool:
    """Whether an option is what a remedy would make it."""
    plain = _plain(name)
    if plain not in config:
        return False
    own = config[plain]
    if isinstance(value, (list, tuple)) and isinstance(own, (list, tuple)):
        return list(value) == list(own)
    if isinstance(own, int) and isinstance(value, bool) and not isinstance(own, bool):
        return bool(own) == value  # a number stands for True with a size
    return (type(own) is type(value) and bool(own == value)) or _number(own, plain) == _number(value, plain) is not None


def _narrowed(item: Finding, claims: Mapping[str, tuple[Any, Finding]]) -> Finding:
    """The finding with the columns gone that an earlier one takes out."""
    changed = {}
    for name, value in item.remedy.items():
        before = claims[name][1].remedy.get(name) if name in claims else None
        if isinstance(value, list) and isinstance(before, list):
            changed[name] = [column for column in value if column in before]
    return replace(item, remedy={**item.remedy, **changed}) if changed else item


def _ways(name: str, value: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """What a change claims: its option, and the network's size where it bears on it, each with the way it goes."""
    plain = _plain(name)
    if isinstance(value, list):
        return {name: COLUMNS}
    new, own = _number(value, plain), _number(config.get(plain), plain)
    way: Any = value if new is None or own is None else int(math.copysign(1, new - own))
    sized = isinstance(way, int) and not isinstance(value, bool) and own is not None and plain in SIZE
    return {name: way} | ({"(size)": way * SIZE[plain]} if sized else {})


def _plain(name: str) -> str:
    return name.rpartition(".")[2]


def _number(value: Any, name: str) -> float | None:
    """A number that can be compared, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return math.inf if value == 0 and name in NONE_IS_ENDLESS else float(value)
