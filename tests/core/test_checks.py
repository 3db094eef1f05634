"""Fields say what they may be; a refusal names the option, what is expected, and the value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from tidegate.core.checks import Amount, Checked, Count, Positive, Range, Share, Whole, whole
from tidegate.core.errors import ConfigError


@dataclass(frozen=True)
class Own(Checked):
    word: Literal["a", "b"] | None = None
    flag: bool = True
    count: Count = 1
    open: Whole | Literal["auto"] = "auto"
    few: Annotated[int, Range(1, 16)] = 3
    share: Share = 0.0
    amount: Amount = 0.0
    above: Positive = 1.0
    lists: tuple[Count, ...] | None = None
    either: Literal["balanced"] | Mapping[str, Any] = "balanced"


@dataclass(frozen=True)
class More(Own):
    few: Annotated[int, Range(0, 64)] = 0  # the type below counts


def test_what_fits_is_taken() -> None:
    Own(word="a", flag=False, count=5, open=0, share=0.5, amount=1e30, lists=[1, 2], either={"x": 1})  # type: ignore[arg-type]
    More(few=64)


def test_numbers_of_numpy_are_numbers_and_become_pythons() -> None:
    made = Own(count=np.int64(5), share=np.float32(0.5), flag=np.bool_(False), lists=[np.int32(1), 2])  # type: ignore
    assert (made.count, made.share, made.flag, made.lists) == (5, 0.5, False, [1, 2])
    assert [type(one) for one in (made.count, made.share, made.flag, *made.lists)] == [int, float, bool, int, int]
    with pytest.raises(ConfigError, match="count is a whole number"):
        Own(count=np.float64(5))  # type: ignore[arg-type]
    whole("folds", np.int64(3), 1)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("word", "c", "word is one of None, 'a', 'b'; got 'c'"),
        ("flag", 1, "flag is one of True, False; got 1"),
        ("count", 0, "count is a whole number of at least 1; got 0"),
        ("count", True, "count is a whole number of at least 1; got True"),
        ("count", 1.5, "count is a whole number of at least 1; got 1.5"),
        ("open", "all", "open is a whole number of at least 0 or 'auto'; got 'all'"),
        ("few", 17, "few is a whole number from 1 to 16; got 17"),
        ("share", 1, "share is a share from 0 up to, but not, 1; got 1"),
        ("share", float("nan"), "share is a share from 0 up to, but not, 1; got nan"),
        ("amount", -1, "amount is a number of at least 0; got -1"),
        ("above", 0, "above is a number above 0; got 0"),
        ("lists", [1, 0], "lists is a whole number of at least 1; got 0"),
        ("lists", 3, "lists is a list, each a whole number of at least 1; got 3"),
        ("either", "rare", "either is 'balanced' or a mapping; got 'rare'"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Own(**{name: value})
    assert str(raised.value) == said


def test_a_refusal_speaks_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    with pytest.raises(ConfigError, match="few 應為1 到 16 的整數；得到 17"):
        Own(few=17)
