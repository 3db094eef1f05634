"""Results that show themselves can still be read back by their fields' types."""

from typing import get_type_hints

from tidegate.core.notebook import Notebook


def test_its_hints_are_read_without_matplotlib() -> None:
    assert set(get_type_hints(Notebook)) == {"_html", "_draw"}
