"""Music as text and as piano rolls, there and back."""

import numpy as np
import pytest

from tidegate.core.errors import DataError
from tidegate.prepare.notes import chords_of, chords_of_roll, roll_of, sounding, text_of
from tidegate.prepare.vocabulary import Vocabulary


def test_steps_are_text_and_come_back_highest_note_first() -> None:
    chords = [(60, 72, 60), (), [np.int64(64)]]
    text = text_of(chords)
    assert text == "72 60 / / 64 /"
    assert chords_of(text) == [(72, 60), (), (64,)]
    assert chords_of(text + " 65") == [(72, 60), (), (64,), (65,)]
    vocabulary, _ = Vocabulary.fit([text], "notes")
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


def test_piano_rolls_of_both_widths_hold_the_same_notes() -> None:
    chords = [(72, 60), (), (21,)]
    roll = roll_of(chords)
    assert roll.sum() == 3
    assert chords_of_roll(roll) == chords_of_roll(roll[:, 21:109] > 0) == chords
    with pytest.raises(DataError, match=r"\[steps, 128\]"):
        chords_of_roll(roll[:, :90])
    with pytest.raises(DataError, match="0 and 1"):
        chords_of_roll(2 * roll)


def test_notes_that_go_on_are_one() -> None:
    assert sounding([(60,), (62, 60), (60,), (), (60,)]) == [(60, 0, 3), (62, 1, 1), (60, 4, 1)]


@pytest.mark.parametrize(
    ("chord", "match"), [((60, 128), "128"), (("c",), "'c'"), ((60.5,), "60.5"), ((True,), "True")]
)
def test_what_is_no_pitch_is_named_with_its_step(chord: tuple[object, ...], match: str) -> None:
    with pytest.raises(DataError, match=f"step 2: {match}"):
        text_of([(60,), chord])


def test_a_symbol_that_is_no_music_is_named_with_its_place() -> None:
    with pytest.raises(DataError, match="symbol 3 is 'love'"):
        chords_of("60 / love")
