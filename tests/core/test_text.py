from tidegate.core.text import aligned, joined, number, probability, share, spaced


def test_numbers() -> None:
    values = [12345.6, 123.456, 1.23456, 0.0123456, 0.0, -0.5, 1e-7, float("nan"), float("inf")]
    assert [number(v) for v in values] == [
        "12,346",
        "123.5",
        "1.235",
        "0.01235",
        "0.0000",
        "-0.5000",
        "1.000e-07",
        "-",
        "-",
    ]


def test_shares_and_probabilities() -> None:
    assert [share(v) for v in (0.9123, 1234.0, float("nan"))] == ["0.912", "1,234", "-"]
    assert [probability(v) for v in (0.0213, 1e-9)] == ["= 0.021", "< 0.001"]


def test_sentences_are_joined_as_their_language_does() -> None:
    assert joined(["One.", "", "Two."], "en") == "One. Two."
    assert joined(["一。", "二。"], "zh_TW") == "一。二。"
    assert spaced("共3種", "zh_TW") == "共 3 種"
    assert spaced("共3種", "en") == "共3種"


def test_a_chinese_character_is_two_columns_wide() -> None:
    assert aligned([["方法", "a"], ["abc", "12"]]) == ["方法   a", "----  --", "abc   12"]
