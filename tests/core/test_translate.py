import json
from pathlib import Path

import pytest

from tidegate.core import translate
from tidegate.core.translate import catalogue, language, parse_language, tr


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("zh_TW", "zh_TW"),
        ("zh-TW", "zh_TW"),
        ("zh_TW.UTF-8", "zh_TW"),
        ("zh-Hant", "zh_TW"),
        ("ZH", "zh_TW"),
        ("en", "en"),
        ("C.UTF-8", "en"),
        ("de_DE", "en"),
    ],
)
def test_languages_are_understood_as_systems_write_them(text: str, code: str) -> None:
    assert parse_language(text) == code


def test_the_first_variable_that_is_set_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TIDEGATE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    assert language() == "en"
    monkeypatch.setenv("LANG", "zh_TW.UTF-8")
    assert language() == "zh_TW"
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert language() == "en"
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert language() == "zh_TW"
    monkeypatch.setenv("TIDEGATE_LANG", "")
    assert language() == "en"


def test_a_message_is_filled_in_either_language(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "{count} hours of {name:>6}"
    monkeypatch.setattr(
        translate, "catalogue", lambda code: {message: "{name:>6} 的 {count} 小時"} if code == "zh_TW" else {}
    )
    assert tr(message, "en", count=7, name="rain") == "7 hours of   rain"
    assert tr(message, "zh_TW", count=7, name="rain") == "  rain 的 7 小時"
    assert tr(message, count=7, name="rain") == "7 hours of   rain"
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert tr(message, count=7, name="rain") == "  rain 的 7 小時"
    assert tr(message, "en", count=7, name="rain") == "7 hours of   rain"


def test_a_catalogue_is_all_files_of_its_language() -> None:
    folder = Path(translate.__file__).parent / "locale" / "zh_TW"
    expected = {text: zh for file in folder.glob("*.json") for text, zh in json.loads(file.read_text("utf-8")).items()}
    assert expected
    assert catalogue("zh_TW") == expected
    assert catalogue("en") == {}


def test_a_place_may_be_called_message_or_lang() -> None:
    assert tr("{message} in {lang}", "en", message="hello", lang="English") == "hello in English"


def test_a_message_without_translation_stays_english() -> None:
    assert tr("no catalogue has {this}", "zh_TW", this="sentence") == "no catalogue has sentence"


def test_a_message_without_values_is_shown_as_it_is() -> None:
    assert tr("braces {} stay", "en") == "braces {} stay"


def test_the_last_number_of_a_list_is_no_count() -> None:
    assert tr("{epochs} epochs were chosen.", "en", epochs="3, 1") == "3, 1 epochs were chosen."


def test_english_agrees_with_a_count_of_one() -> None:
    said = {
        "Trained for {n} epochs in 4 s.": ("Trained for 1 epoch in 4 s.", "Trained for 21 epochs in 4 s."),
        "{n} missing rows were inserted in {n} gaps": (
            "1 missing row was inserted in 1 gap",
            "21 missing rows were inserted in 21 gaps",
        ),
        "{n} of 9 series have no value": ("1 of 9 series has no value", "21 of 9 series have no value"),
        "{n} categories, {n} classes, {n} passes": (
            "1 category, 1 class, 1 pass",
            "21 categories, 21 classes, 21 passes",
        ),
        "line {n} holds values": ("line 1 holds values", "line 21 holds values"),
        "level 0.{n} rows": ("level 0.1 rows", "level 0.21 rows"),
    }
    for message, (one, many) in said.items():
        assert (tr(message, "en", n=1), tr(message, "en", n=21)) == (one, many)
        assert tr(message, "zh_TW", n=1) == message.format(n=1)


def test_counts_are_grouped_and_lines_are_not() -> None:
    assert tr("{count} of {rows} rows, line {line}", "en", count=999, rows=12345, line=12345) == (
        "999 of 12,345 rows, line 12345"
    )
