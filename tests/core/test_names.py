import pytest

from tidegate.core import names
from tidegate.core.names import method_name, metric_name
from tidegate.core.translate import Language, catalogue


@pytest.mark.parametrize(
    ("method", "lang", "expected"),
    [
        ("seasonal_naive_168", "en", "seasonal naive, 168 steps"),
        ("ridge_known", "zh_TW", "嶺迴歸（含事先已知的輸入）"),
        ("my_own_method", "en", "my_own_method"),
    ],
)
def test_methods(method: str, lang: Language, expected: str) -> None:
    assert method_name(method, lang) == expected


def test_every_name_is_translated_or_the_same() -> None:
    given = set(names._METHODS.values()) | set(names._METRICS.values())
    assert given <= set(catalogue("zh_TW"))
    assert metric_name("f1_macro", "en") == "macro F1"
    assert metric_name("mine", "zh_TW") == "mine"
