"""Corpora are read whole, or refused with file and line, and cut by position."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError, SplitError
from tidegate.data.files.corpus import divide, read_corpus


def test_files_folders_texts_and_symbols(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("one\r\ntwo\n\nthree \u751f\n".encode())
    assert read_corpus(file).texts.tolist() == ["one\ntwo\n\nthree \u751f\n"]  # type: ignore[union-attr]
    lines = read_corpus(str(file), each="line")
    assert lines.texts.tolist() == ["one", "two", "three \u751f"]  # type: ignore[union-attr]
    assert lines.ids == ("a.txt:1", "a.txt:2", "a.txt:3")
    assert lines.notes[0].values == {"count": 1}
    assert read_corpus(file, each="paragraph").texts.tolist() == ["one\ntwo", "three \u751f"]  # type: ignore[union-attr]
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.txt.gz").write_bytes(gzip.compress(b"packed"))
    both = read_corpus(tmp_path, pattern="*.txt*")
    assert both.ids == ("a.txt", "deep/b.txt.gz")
    assert both.texts[1] == "packed"  # type: ignore[index]
    assert read_corpus("a text\nof two lines").texts.tolist() == ["a text\nof two lines"]  # type: ignore[union-attr]
    assert read_corpus(["x y", file]).ids == ("0", "a.txt")
    assert read_corpus([[60, 62], np.array(["a", "b"])]).texts.tolist() == ["60 62", "a b"]  # type: ignore[union-attr]


def test_what_is_no_text_is_refused_with_its_place(tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_bytes(b"first\nsecond\n" + b"x" * 300_000 + b"\n\xff\xfe!\n")
    with pytest.raises(ReadError, match=r"broken\.txt, line 4: byte 0xff is no utf-8 text"):
        read_corpus(broken)
    empty = tmp_path / "empty.txt"
    empty.write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.txt is empty"):
        read_corpus(empty)
    empty.write_text(" \n")
    with pytest.raises(DataError, match=r"empty\.txt holds no text"):
        read_corpus(str(empty))
    with pytest.raises(ReadError, match="there is no such file"):
        read_corpus("no_such_file.txt")
    with pytest.raises(ReadError, match=r"no file in it is named \*\.md"):
        read_corpus(tmp_path, pattern="*.md")
    with pytest.raises(SchemaError, match="text 1 is 3"):
        read_corpus(["a", 3])
    with pytest.raises(SchemaError, match="hold no blank"):
        read_corpus([["a b"]])
    with pytest.raises(ConfigError, match="each"):
        read_corpus(empty, each="word")
    with pytest.raises(SchemaError, match="got int"):
        read_corpus(3)


def test_another_encoding_is_found_and_said(tmp_path: Path) -> None:
    file = tmp_path / "big5.txt"
    file.write_bytes(("\u65e5\u671f\u6642\u9593\u6eab\u5ea6\n" * 9).encode("big5"))
    found = read_corpus(file)
    assert found.texts[0].startswith("\u65e5\u671f")  # type: ignore[index]
    assert found.notes[0].values["encoding"] == "cp950"


def test_the_end_is_the_test_part() -> None:
    text = "".join(chr(97 + i % 26) for i in range(1000))
    parts = divide([text], 0.05, 0.1)
    assert "".join(parts.train + parts.validation + parts.test) == text
    assert [len("".join(parts[name])) for name in ("train", "validation", "test")] == [850, 50, 100]
    assert divide([text], 30, 0).validation == (text[970:],)
    texts = ["ab" * n for n in range(1, 21)]
    several = divide(texts, 0.1, 0.1)
    assert [*several.train, *several.validation, *several.test] == texts
    assert len(several.test) == 1  # 40 of 420 characters
    assert divide(texts, 2, 3).test == tuple(texts[17:])
    for wrong in ((1.5, 0.1), (0.5, 0.6), (2000, 0), (-1, 0)):
        with pytest.raises(SplitError):
            divide([text], *wrong)
