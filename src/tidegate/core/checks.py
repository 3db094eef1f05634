"""Options that are checked by their types: a field says what it may be, and nothing else has to."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; `above` and `below` leave out the ends."""

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number lies in it; NaN does not."""
        least = self.low < value if self.above else self.low <= value
        return least and (value < self.high if self.below else value <= self.high)

    def text(self, kind: type) -> str:
        """What a whole number, or any number, in it is."""
        low, high = f"{self.low:g}", f"{self.high:g}"
        if kind is int:
            if self.high == math.inf:
                return tr("a whole number of at least {least}", least=low)
            return tr("a whole number from {least} to {most}", least=int(self.low), most=int(self.high))
        if self.high == math.inf and not self.above:
            return tr("a number of at least {low}", low=low)
        if self.above:
            shown = "a number above {low}" if self.high == math.inf else "a number above {low} up to {high}"
            return tr(shown, low=low, high=high)
        if self.below:
            return tr("a share from {low} up to, but not, {high}", low=low, high=high)
        return tr("a number from {low} to {high}", low=low, high=high)


Count = Annotated[int, Range(1)]
Whole = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1, below=True)]
Ratio = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, above=True)]
Amount = Annotated[float, Range(0)]


@dataclass(frozen=True)
class Checked:
    """Options that are checked by the types of their fields when they are made."""

    def __post_init__(self) -> None:
        check_fields(self)


def check_fields(options: Any) -> None:
    """Refuse a dataclass with a value that is not of its field's type; numpy's numbers become Python's.

    Raises:
        ConfigError: naming the field, what it may be, and the value.
    """
    kind: Any = type(options)
    for name, hint in hints(kind).items():
        given = getattr(options, name)
        value = python_number(given)
        if value is not given:
            object.__setattr__(options, name, value)
        check(name, value, hint)


def python_number(value: Any) -> Any:
    """A number or truth of numpy, alone or in a list, as Python's; anything else as it is."""
    if isinstance(value, (tuple, list)) and any(type(item).__module__ == "numpy" for item in value):
        return type(value)(python_number(item) for item in value)
    scalar = type(value).__module__ == "numpy" and hasattr(value, "item") and not getattr(value, "shape", None)
    return value.item() if scalar else value


@cache
def hints(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, by name."""
    found = {}
    for base in reversed(kind.__mro__):
        scope = vars(sys.modules[base.__module__])
        for name, hint in inspect.get_annotations(base).items():
            if name in kind.__dataclass_fields__:
                found[name] = eval(hint, scope) if isinstance(hint, str) else hint
    return found


def check(name: str, value: Any, hint: Any) -> None:
    """Refuse a value that is not of a type: words, truth, numbers in a range, lists of these, or one of several.

    Types of other kinds are not looked at.

    Raises:
        ConfigError: naming the value's name, what it may be, and the value.
    """
    every = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if any(_holds(value, one) for one in every):
        return
    lists = [one for one in every if get_origin(one) is tuple]
    if lists and isinstance(value, (tuple, list)):
        for item in value:
            check(name, item, get_args(lists[0])[0])
    expected = _one_of(every) or tr(" or ").join(_text(one) for one in every if one not in (None, NoneType))
    raise ConfigError(tr("{name} is {expected}; got {value}", name=name, expected=expected, value=repr(value)))


def choice(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Refuse a value that is not among the allowed ones."""
    check(name, value, Literal[allowed])


def whole(name: str, value: Any, least: int) -> None:
    """Refuse anything but a whole number of at least `least`."""
    check(name, value, Annotated[int, Range(least)])


def _number(value: Any, kind: Any) -> bool:
    return isinstance(value, Real if kind is float else Integral) and not isinstance(value, bool)


_PLAIN: dict[Any, Callable[[Any], bool]] = {
    None: lambda value: value is None,
    NoneType: lambda value: value is None,
    bool: lambda value: isinstance(value, bool),
    int: lambda value: _number(value, int),
    float: lambda value: _number(value, float),
    str: lambda value: isinstance(value, str),
}


def _holds(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in get_args(hint))
    if origin is Annotated:
        kind, own = get_args(hint)
        return _number(value, kind) and own.holds(value)
    if origin is tuple:
        return isinstance(value, (tuple, list)) and all(_holds(item, get_args(hint)[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping)
    return _PLAIN.get(hint, lambda _: True)(value) if origin is None else True


def _one_of(every: tuple[Any, ...]) -> str:
    """Words, truth and nothing as one list; "" where there is anything else."""
    found: list[Any] = []
    for one in every:
        if get_origin(one) is Literal:
            found += get_args(one)
        elif one in (None, NoneType, bool):
            found += [True, False] if one is bool else [None]
        else:
            return ""
    found.sort(key=lambda one: one is not None)
    return tr("one of {allowed}", allowed=", ".join(map(repr, found)))


def _text(hint: Any) -> str:
    origin = get_origin(hint)
    if origin is Literal:
        return tr(" or ").join(map(repr, get_args(hint)))
    if origin is Annotated:
        kind, own = get_args(hint)
        return str(own.text(kind))
    if origin is tuple:
        return tr("a list, each {expected}", expected=_text(get_args(hint)[0]))
    words = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}
    return tr(words.get(hint, "a mapping"))
