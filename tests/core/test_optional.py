import sys
from pathlib import Path

import pytest

from tidegate.core.errors import MissingExtraError, TidegateError
from tidegate.core.optional import available, require


def test_a_library_that_is_there_is_imported() -> None:
    assert require("json", extra="train", purpose="read JSON") is sys.modules["json"]
    assert available("json")


def test_asking_whether_a_library_is_there_does_not_import_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "explosive.py").write_text("raise SystemExit('imported')\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert available("explosive")
    assert not available("no_such_library")
    assert not available("no_such_library.part")


def test_a_missing_library_is_named_with_its_purpose_and_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingExtraError) as caught:
        require("no_such_library", extra="audio", purpose="read sound files")
    assert str(caught.value) == (
        "no_such_library is needed to read sound files and is not installed. "
        "In a clone of tidegate: pip install '.[audio]'"
    )
    assert isinstance(caught.value, TidegateError)
    assert isinstance(caught.value, ImportError)


def test_a_missing_part_of_a_library_that_is_there_names_the_library() -> None:
    with pytest.raises(MissingExtraError, match=r"json\.nothing is needed to count"):
        require("json.nothing", extra="train", purpose="count")


def test_a_library_that_is_there_and_broken_shows_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text("import needed_by_the_broken_one\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="needed_by_the_broken_one") as caught:
        require("broken_library", extra="train", purpose="test")
    assert not isinstance(caught.value, MissingExtraError)
