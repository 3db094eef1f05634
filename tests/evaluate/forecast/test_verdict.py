import json

import pytest

from tidegate.core.translate import catalogue
from tidegate.evaluate.forecast import verdict as module
from tidegate.evaluate.forecast.verdict import Verdict, decide

BETTER = ("beats the best baseline, seasonal naive, 24 steps: its MAE of 90.00 is 10.0 % lower", "勝過")
EQUAL = ("is no better than the best baseline", "並不比")
WORSE = ("does not beat the best baseline, seasonal naive, 24 steps: its MAE of 120.0 is 20.0 % higher", "沒有勝過")


@pytest.mark.parametrize(
    ("model", "reference", "p", "key", "texts"),
    [
        (90.0, 100.0, 0.0004, "beats", BETTER),
        (90.0, 100.0, 0.2, "chance", EQUAL),
        (99.5, 100.0, 0.001, "tie", EQUAL),
        (100.5, 100.0, None, "tie", EQUAL),
        (120.0, 100.0, 0.01, "loses", WORSE),
        (120.0, 100.0, 0.3, "chance", EQUAL),
        (120.0, 100.0, None, "loses", WORSE),
        (80.0, 100.0, None, "untested", ("too few windows to test", "無法檢定")),
        (0.0, 0.0, 1.0, "tie", EQUAL),
    ],
)
def test_sentences(model: float, reference: float, p: float | None, key: str, texts: tuple[str, str]) -> None:
    verdict = decide("mae", model, "seasonal_naive_24", reference, p)
    assert verdict.key == key
    assert verdict.beats is (key == "beats")
    assert texts[0] in verdict.text("en")
    assert texts[1] in verdict.text("zh_TW")
    assert "季節性單純預測（24 步）" in verdict.text("zh_TW")
    assert not verdict.warnings


def test_p_values_are_readable() -> None:
    assert "(Diebold-Mariano test, p < 0.001)" in decide("mae", 90.0, "drift", 100.0, 1e-9).text("en")
    assert "p = 0.021" in decide("mae", 90.0, "drift", 100.0, 0.0213).text("en")


def test_without_a_baseline() -> None:
    assert (
        decide("mae", 3.0, None, float("nan"), None).text("en")
        == "There is no baseline to compare with: the model's MAE is 3.000."
    )


def test_beating_a_random_walk_is_suspicious() -> None:
    lucky = decide("mae", 95.0, "repeat_last", 100.0, 0.001, repeat_last=100.0, random_walk=True)
    assert lucky.warnings == ("walk",)
    assert lucky.text("en").endswith("is 5.0 % better than repeating the last value. Look for a leak.")
    assert "資料洩漏" in lucky.text("zh_TW")
    assert not decide("mae", 99.0, "repeat_last", 100.0, 0.001, repeat_last=100.0, random_walk=True).warnings
    assert not decide("mae", 95.0, "repeat_last", 100.0, 0.001, repeat_last=100.0, random_walk=False).warnings


def test_too_good_on_anything() -> None:
    assert decide("mase", 5.0, "ridge_known", 100.0, 1e-9).warnings == ("leak",)


def test_the_reader_s_language(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = decide("mase", 0.9, "drift", 1.0, 0.01)
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert str(verdict).startswith("模型勝過最佳基準「漂移法」：MASE 為 0.9000")


@pytest.mark.parametrize("table", ["_SENTENCES", "_WARNINGS"])
def test_everything_is_translated(table: str) -> None:
    assert set(getattr(module, table).values()) - set(catalogue("zh_TW")) == set()


def test_json() -> None:
    verdict = decide("mae", 95.0, "repeat_last", 100.0, None, repeat_last=100.0, random_walk=True)
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
