"""Recordings with texts, however they are written down, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from tidegate.core.errors import DataError, ReadError, SchemaError
from tidegate.data.partition import partition
from tidegate.data.sources.media.speech import read_speech
from tidegate.prepare.sequence.mel import log_mel

RATE = 8000


def write(path: Path, seed: int = 0, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).integers(-20_000, 20_000, rate // 4).astype(np.int16)
    wavfile.write(path, rate, samples)
    return path


def table(folder: Path, text: str, name: str = "clips.csv") -> Path:
    for number in range(3):
        write(folder / f"a{number}.wav", number)
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def test_a_table_names_files_texts_and_speakers(tmp_path: Path) -> None:
    file = table(tmp_path, "speaker,file,sentence\nann,a0.wav,Turn  LEFT\nbob,a1.wav,stop\nann,a2.wav,go\n")
    found = read_speech(file)
    assert found.ids == ("a0", "a1", "a2")
    assert found.labels is not None
    assert found.labels.tolist() == ["turn left", "stop", "go"]
    assert found.groups is not None
    assert found.groups.tolist() == ["ann", "bob", "ann"]
    _, samples = wavfile.read(tmp_path / "a1.wav")
    first, end = found.starts[1:3]
    assert np.allclose(found.values[first:end], log_mel(samples / 32768, RATE), atol=1e-4)
    assert read_speech(file, lowercase=False).labels.tolist()[0] == "Turn LEFT"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clips.tsv", "path\ttext\na0.wav\tone\na1.wav\ttwo\na2.wav\tthree\n"),
        (
            "clips.jsonl",
            '{"path":"a0.wav","text":"one"}\n{"path":"a1.wav","text":"two"}\n{"path":"a2.wav","text":"three"}\n',
        ),
    ],
)
def test_tables_of_other_kinds(tmp_path: Path, name: str, text: str) -> None:
    found = read_speech(table(tmp_path, text, name))
    assert found.labels is not None
    assert found.labels.tolist() == ["one", "two", "three"]


def test_a_column_says_which_part_a_recording_is_in(tmp_path: Path) -> None:
    found = read_speech(table(tmp_path, "file,text,part\na0.wav,a,train\na1.wav,b,dev\na2.wav,c,test\n"))
    parts = partition(found)
    assert (parts.by, parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == ("given", [0], [1], [2])
    named = table(tmp_path, "file,text,bit\na0.wav,a,train\na1.wav,b,elsewhere\na2.wav,c,test\n")
    with pytest.raises(DataError, match=r"line 3.*'elsewhere'"):
        read_speech(named, part="bit")


def test_folders_that_are_called_by_what_is_said(tmp_path: Path) -> None:
    for word in ("lights_on", "stop"):
        for take in range(2):
            write(tmp_path / word / f"{take}.wav", take)
    found = read_speech(tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == ["lights on"] * 2 + ["stop"] * 2


def test_transcripts_as_librispeech_has_them(tmp_path: Path) -> None:
    for name in ("84-1-0000", "84-1-0001", "99-1-0000"):
        write(tmp_path / name.split("-")[0] / f"{name}.wav")
    (tmp_path / "84" / "84-1.trans.txt").write_text("84-1-0000 GO ON\n84-1-0001 AND STOP\n", "utf-8")
    (tmp_path / "99" / "99-1.trans.txt").write_text("99-1-0000 HELLO\n", "utf-8")
    found = read_speech(tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == ["go on", "and stop", "hello"]
    assert found.groups is not None
    assert found.groups.tolist() == ["84", "84", "99"]
    (tmp_path / "99" / "99-1.trans.txt").write_text("\n99-1-0007 HELLO\n", "utf-8")
    with pytest.raises(ReadError, match=r"99-1.trans.txt, line 2: .*99-1-0007"):
        read_speech(tmp_path)


def test_a_text_file_beside_each_sound(tmp_path: Path) -> None:
    for number, text in enumerate(("go", "stop")):
        write(tmp_path / f"{number}.wav").with_suffix(".txt").write_text(f"{text}\n", "utf-8")
    found = read_speech(tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == ["go", "stop"]
    write(tmp_path / "2.wav")
    with pytest.raises(ReadError, match=r"2.wav has no text: expected 2.txt"):
        read_speech(tmp_path)


def test_arrays_with_texts() -> None:
    waves = [np.random.default_rng(n).uniform(-1, 1, 2000).astype(np.float32) for n in range(2)]
    whole = [np.rint(wave * 32767).astype(np.int16) for wave in waves]
    one, other = (read_speech(own, ["a", "b"], rate=RATE) for own in (waves, whole))
    assert np.allclose(one.values, other.values, atol=0.05)
    with pytest.raises(DataError, match="rate="):
        read_speech(waves, ["a", "b"])
    with pytest.raises(DataError, match="2 recordings and 1 text"):
        read_speech(waves, ["a"], rate=RATE)


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("nowhere.wav,hello", ReadError, r"line 4 \(there is no such file: .*nowhere.wav\)"),
        ("a2.wav,", DataError, r"line 4: the text of a2 is empty"),
        (",hello", ReadError, r"line 4: the path is empty; expected one of the sound files"),
        ("cut.wav,hello", ReadError, r"line 4 \(cut short"),
        ("text.wav,hello", ReadError, r"line 4 \(no WAV file"),
        ("fast.wav,hello", DataError, r"different rates.*rate=8000"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, line: str, error: Any, message: str) -> None:
    file = table(tmp_path, f"path,text\na0.wav,one\na1.wav,two\n{line}\n")
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a0.wav").read_bytes()[:900])
    (tmp_path / "text.wav").write_text("this is no sound at all", "utf-8")
    write(tmp_path / "fast.wav", rate=16_000)
    with pytest.raises(error, match=message):
        read_speech(file)


def test_unusable_files_are_left_out_where_asked(tmp_path: Path) -> None:
    file = table(tmp_path, "path,text\na0.wav,one\nnowhere.wav,two\na2.wav,three\n")
    found = read_speech(file, broken="skip")
    assert found.ids == ("a0", "a2")
    assert any(note.kind == "broken" and "line 3" in note.values["files"] for note in found.notes)


def test_texts_are_asked_for_where_there_are_none(tmp_path: Path) -> None:
    write(tmp_path / "a.wav")
    with pytest.raises(DataError, match="no texts to learn from"):
        read_speech(tmp_path)
    assert read_speech(tmp_path, labelled=False).labels is None
    with pytest.raises(SchemaError, match="no column names the sound files"):
        read_speech(table(tmp_path, "x,y\n1,2\n"))
