"""Copies are found where they are, against search by hand."""

from difflib import SequenceMatcher

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ConfigError
from tidegate.runtime.language.copies import copied

LETTERS = st.text(alphabet="ab c", max_size=60)


@settings(max_examples=80, deadline=None)
@given(LETTERS, LETTERS, st.integers(1, 6))
def test_shares_and_the_longest_stretch_are_those_of_a_plain_search(text: str, training: str, length: int) -> None:
    found = copied([text], training, length)
    inside = set()
    for start in range(len(text) - length + 1):
        if text[start : start + length] in training:
            inside |= set(range(start, start + length))
    assert found.share == pytest.approx(len(inside) / len(text) if text else 0.0)
    match = SequenceMatcher(None, text, training, autojunk=False).find_longest_match()
    assert len(found.longest) == match.size
    assert found.longest in training
    assert found.longest in text


def test_several_texts_count_together() -> None:
    found = copied(["abcdef", "xxabcx"], "zzabcdezz", 3)
    assert found.characters == 12
    assert found.share == pytest.approx((5 + 3) / 12)
    assert found.longest == "abcde"
    with pytest.raises(ConfigError):
        copied(["a"], "a", 0)
