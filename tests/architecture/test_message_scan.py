"""The scan that test_messages.py rests on finds what it must, shown on a module made for it."""

from pathlib import Path

from tests.architecture.messages import has_words, messages, places

MODULE = '''
"""A docstring is No message."""
_LABELS = {"a": "Label of a", "b": "Label of b"}
def show(kind, message, note, count):
    tr("Plain {count}", count=count)
    translate.tr("By " "pieces")
    tr("One" if count == 1 else "Many")
    tr(_LABELS[kind])
    tr(_LABELS.get(kind, ""))
    text = "Assigned first"
    notes = [Note(kind, text), Note(kind, message="By keyword")]
    tr(note.message)
    tr("{count} %")
    raise ValueError("Not a message at all")
'''


def found(tmp_path: Path, source: str) -> list[str | None]:
    file = tmp_path / "module.py"
    file.write_text(source, "utf-8")
    return [item.text for item in messages(file, "module.py")]


def test_messages_are_found_wherever_they_stand(tmp_path: Path) -> None:
    assert sorted(text or "" for text in found(tmp_path, MODULE)) == [
        "Assigned first",
        "By keyword",
        "By pieces",
        "Label of a",
        "Label of a",
        "Label of b",
        "Label of b",
        "Many",
        "One",
        "Plain {count}",
    ]


def test_a_message_that_is_passed_in_is_looked_for_in_the_module(tmp_path: Path) -> None:
    source = 'def note(text):\n    return Note("kind", text)\nnote("A sentence given")\nopen("data.csv")\n'
    assert found(tmp_path, source) == ["A sentence given"]


def test_an_f_string_is_refused(tmp_path: Path) -> None:
    assert found(tmp_path, 'tr(f"{count} rows")\n') == [None]


def test_places_are_the_named_ones_whatever_their_format() -> None:
    assert places("{loss:.4f} after {epoch}") == {"loss", "epoch"}
    assert not has_words("{name}: {value} %")
    assert has_words("{name} rows")
