"""Names of what is estimated, in a page's head."""

from tidegate.report.page.parts import some


def test_of_many_names_the_first_and_the_last_are_shown() -> None:
    names = [f"label_{step}" for step in range(1, 8)]
    assert list(some(names)) == ["label_1", "label_2", "label_3", "…", "label_7"]
    assert some(names[:6]) == names[:6]
