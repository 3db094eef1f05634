"""Text to numbers and back: nothing is lost, nothing is joined that was apart."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ArtifactError, DataError
from tidegate.prepare.vocabulary import SPECIAL, UNKNOWN, Vocabulary

TEXT = "To be,  or not to be:\n\tthat is the question — 生存還是毀滅，這是個問題。\r\nTo be!\n"


@pytest.mark.parametrize("method", ["char", "word", "bpe"])
def test_a_text_comes_back_whole(method: str) -> None:
    vocabulary, note = Vocabulary.fit([TEXT], method, min_count=1)  # type: ignore[arg-type]
    assert vocabulary.tokens[:3] == SPECIAL
    assert vocabulary.decode(vocabulary.encode(TEXT)) == TEXT
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary
    assert note.values["size"] == len(vocabulary) - 3


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=2, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_is_cut_without_loss(text: str) -> None:
    words = Vocabulary("word", SPECIAL)
    assert "".join(words.cut(text)) == text
    pieces, _ = Vocabulary.fit(["a b c d"], "bpe")
    assert pieces.decode(pieces.encode(text)) == text
    if len(set(text)) > 1:
        characters, _ = Vocabulary.fit([text], "char")
        assert characters.decode(characters.encode(text)) == text


def test_tokens_stand_by_falling_count_and_rare_ones_are_unknown() -> None:
    vocabulary, note = Vocabulary.fit(["abba cab", "b"], "char", min_count=2)
    counts = Counter("abba cabb")
    assert vocabulary.tokens[3:] == ("b", "a")
    assert counts["c"] == counts[" "] == 1
    assert vocabulary.encode("abc").tolist() == [4, 3, UNKNOWN]
    assert vocabulary.decode([4, 3, UNKNOWN]) == "ab\ufffd"
    assert vocabulary.unseen("cabz c") == ["c", "z", " "]
    assert note.values["share"] == f"{100 * 2 / 9:.1f}"


def test_words_keep_the_blank_before_them_and_chinese_is_cut_by_character() -> None:
    assert Vocabulary("word", SPECIAL).cut("It is, 你好.\n") == ["It", " is", ",", " 你", "好", ".", "\n"]


def test_symbols_are_what_stands_between_blanks() -> None:
    vocabulary, _ = Vocabulary.fit(["C4 E4 G4 C4"], "symbol")
    assert vocabulary.decode(vocabulary.encode("G4 C4  E4")) == "G4 C4 E4"


def test_one_symbol_teaches_nothing() -> None:
    with pytest.raises(DataError, match="1 different token,"):
        Vocabulary.fit(["aaaa"], "char")


@pytest.mark.parametrize(
    "change",
    [
        {"method": "letters"},
        {"tokens": ["a", "b"]},
        {"tokens": [*SPECIAL, "a", "a"]},
        {"merges": [["a"]]},
        {"merges": [["a", "b"]]},
        {"more": 1},
    ],
)
def test_a_vocabulary_that_is_none_is_refused(change: dict[str, object]) -> None:
    state = {"method": "char", "tokens": [*SPECIAL, "a", "b"], "merges": []}
    assert len(Vocabulary.from_json(state)) == 5
    with pytest.raises(ArtifactError, match=r"preparation\.json"):
        Vocabulary.from_json(state | change)


def test_numbers_are_whole_numbers_of_32_bits() -> None:
    vocabulary, _ = Vocabulary.fit(["ab"], "char")
    assert vocabulary.encode("").dtype == vocabulary.encode("ba").dtype == np.int32
