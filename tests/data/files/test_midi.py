"""MIDI files: what is read is what symusic wrote, on a grid; what is damaged is named."""

from pathlib import Path
from typing import Any

import pytest

from tidegate.core.errors import ConfigError, DataError, ReadError
from tidegate.data.files.corpus import read_corpus
from tidegate.data.files.midi import read_midi
from tidegate.prepare.notes import chords_of
from tidegate.runtime.language.music import midi_bytes

symusic: Any = pytest.importorskip("symusic")


def score(path: Path, *, drum: bool = False) -> Path:
    """A quarter of C4 and E4, an eighth of G4 a little late, at 90 quarters a minute."""
    made, track = symusic.Score(480), symusic.Track("x", 0, drum)
    for start, length, pitch in ((480, 480, 60), (480, 480, 64), (970, 235, 67)):
        track.notes.append(symusic.Note(start, length, pitch, 80))
    made.tracks.append(track)
    made.tempos.append(symusic.Tempo(0, qpm=90))
    path.write_bytes(made.dumps_midi())
    return path


def test_notes_stand_on_the_grid_from_the_first_one_on(tmp_path: Path) -> None:
    chords, rate = read_midi(score(tmp_path / "a.mid"), 2)
    assert chords == [(64, 60), (64, 60), (67,)]
    assert rate == pytest.approx(3, rel=1e-4)
    assert read_midi(tmp_path / "a.mid", 4)[0] == [(64, 60)] * 4 + [(67,)] * 2


def test_a_piece_that_was_written_is_read_again(tmp_path: Path) -> None:
    text = "64 60 / 64 / / 67 64 / 67 /"
    path = tmp_path / "b.midi"
    path.write_bytes(midi_bytes(text, 6.0, 4))
    chords, rate = read_midi(path, 4)
    assert chords == chords_of(text)
    assert rate == pytest.approx(6, rel=1e-4)


def test_a_folder_of_midi_files_is_a_corpus(tmp_path: Path) -> None:
    score(tmp_path / "a.mid")
    score(tmp_path / "b.MID")
    found = read_corpus(tmp_path, steps=2)
    assert found.ids == ("a.mid", "b.MID")
    assert found.rate == pytest.approx(3, rel=1e-4)
    assert found.texts is not None
    assert found.texts[0] == "64 60 / 64 60 / 67 /"


@pytest.mark.parametrize("content", [b"", b"text", b"MThd" + b"\xff" * 50])
def test_what_is_no_midi_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.mid"
    path.write_bytes(content)
    with pytest.raises(ReadError, match=r"bad\.mid is no MIDI file"):
        read_midi(path, 4)
    whole = score(tmp_path / "cut.mid").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"bad\.mid is no MIDI file"):
        read_corpus(path)


def test_a_file_without_notes_and_a_grid_that_cannot_be_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no note"):
        read_midi(score(tmp_path / "drums.mid", drum=True), 4)
    endless, track = symusic.Score(480), symusic.Track("x", 0, False)
    track.notes.append(symusic.Note(0, 480 * 10**6, 60, 80))
    endless.tracks.append(track)
    (tmp_path / "endless.mid").write_bytes(endless.dumps_midi())
    with pytest.raises(DataError, match="at most 1,048,576"):
        read_midi(tmp_path / "endless.mid", 4)
    with pytest.raises(ConfigError, match="steps"):
        read_midi(tmp_path / "drums.mid", 0)
    with pytest.raises(ReadError, match="cannot be read"):
        read_midi(tmp_path / "none.mid", 4)
