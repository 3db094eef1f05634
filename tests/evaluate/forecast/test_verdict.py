import json

import pytest

from tidegate.evaluate.forecast.evaluation import decide
from tidegate.evaluate.significance import DieboldMariano
from tidegate.evaluate.verdict import Verdict

BETTER = ("beats the best baseline, seasonal naive, 24 steps: its MAE of 90.00 is 10.0 % lower than 100.0", "勝過")
WORSE = ("is worse than the best baseline, seasonal naive, 24 steps: its MAE of 120.0 is 20.0 % higher", "不如")
EQUAL = ("are level", "不分高下")
OPEN = ("is no better than the best baseline, seasonal naive, 24 steps, as far as can be told", "未達統計顯著")


def result_of(p: float | None, model: float, reference: float) -> DieboldMariano | None:
    return None if p is None else DieboldMariano(0.0, p, model - reference, 300, 40)


@pytest.mark.parametrize(
    ("model", "reference", "p", "key", "texts"),
    [
        (90.0, 100.0, 0.0004, "beats", BETTER),
        (90.0, 100.0, 0.2, "chance", OPEN),
        (99.5, 100.0, 0.001, "tie", EQUAL),
        (100.5, 100.0, None, "tie", EQUAL),
        (120.0, 100.0, 0.01, "loses", ("does not beat the best baseline", "沒有勝過")),
        # What a test cannot reject is not thereby explained by chance.
        (120.0, 100.0, 0.3, "worse", WORSE),
        (120.0, 100.0, None, "worse", WORSE),
        (40.3, 5.6, 0.3, "worse", ("its MAE of 40.30 is 7.2 times 5.600 (", "是 5.600 的 7.2 倍（")),
        (104.0, 100.0, 0.3, "chance", OPEN),
        (104.0, 100.0, None, "few", ("Too little was tested to tell the model", "測試集太小")),
        (80.0, 100.0, None, "untested", ("20.0 % lower than 100.0, that of the best", "無法判斷這是否只是巧合")),
        (0.0, 0.0, 1.0, "perfect", ("too easy to tell them apart", "太容易")),
        (0.2, 0.0, 0.001, "exact", ("makes no error at all: there is nothing to win. The model's MAE is 0.2", "毫無")),
    ],
)
def test_sentences(model: float, reference: float, p: float | None, key: str, texts: tuple[str, str]) -> None:
    verdict = decide("mae", model, "seasonal_naive_24", reference, result_of(p, model, reference), independent=3)
    assert verdict.key == key
    assert verdict.beats is (key == "beats")
    assert texts[0] in verdict.text("en")
    assert texts[1] in verdict.text("zh_TW")
    assert "季節性天真預測（24 步）" in verdict.text("zh_TW")
    assert not verdict.warnings
    if p is None and key != "tie":
        assert "(no test: 3 independent forecasts, where it needs 8)" in verdict.text("en")


def test_the_evidence_is_named() -> None:
    found = decide("mae", 90.0, "drift", 100.0, DieboldMariano(-9.0, 1e-9, -10.0, 300, 40))
    assert "(Diebold-Mariano test over 40 independent forecasts, p < 0.001)" in found.text("en")
    many = decide("mae", 90.0, "drift", 100.0, DieboldMariano(-3.0, 0.0213, -10.0, 30, 30, "series"))
    assert "(paired test over 30 series, p = 0.021)" in many.text("en")


def test_the_luckiest_of_many_baselines_does_not_make_a_model_lose() -> None:
    test = DieboldMariano(2.3, 0.02, 5.0, 300, 40)
    assert decide("mae", 105.0, "drift", 100.0, test).key == "loses"
    found = decide("mae", 105.0, "drift", 100.0, test, looks=7)
    assert found.key == "chance"
    assert "p = 0.140 after correction for 7 baselines" in found.text("en")
    # Against a win the choice of the best baseline counts already.
    assert decide("mae", 95.0, "drift", 100.0, DieboldMariano(-2.3, 0.02, -5.0, 300, 40), looks=7).key == "beats"


def test_two_means_that_point_apart_show_nothing() -> None:
    assert decide("mase", 0.95, "drift", 1.0, DieboldMariano(2.5, 0.01, 0.1, 300, 40)).key == "chance"


def test_without_a_baseline_or_without_one_of_the_run_s() -> None:
    alone = decide("mae", 3.0, None, float("nan"), None)
    assert alone.text("en") == "There is no baseline to compare with: the model's MAE is 3.000."
    test = DieboldMariano(-9.0, 1e-9, -10.0, 300, 40)
    missing = decide("mae", 90.0, "drift", 100.0, test, missing=("ridge", "seasonal_naive_168"))
    assert not missing.beats
    assert missing.text("en").startswith(
        "No verdict: baselines of the run cannot be computed here (ridge regression on the window, seasonal naive, 168 "
    )
    assert missing.text("zh_TW").startswith("無法評定")
    assert Verdict.from_json(json.loads(json.dumps(missing.to_json()))) == missing


def test_beating_a_random_walk_is_suspicious() -> None:
    test = DieboldMariano(-4.0, 0.001, -5.0, 300, 40)
    lucky = decide("mae", 95.0, "repeat_last", 100.0, test, repeat_last=100.0, random_walk=True)
    assert lucky.warnings == ("walk",)
    assert lucky.text("en").endswith("is 5.0 % better than repeating the last value. Look for a leak.")
    assert "資料洩漏" in lucky.text("zh_TW")
    assert not decide("mae", 99.0, "repeat_last", 100.0, test, repeat_last=100.0, random_walk=True).warnings
    assert not decide("mae", 95.0, "repeat_last", 100.0, test, repeat_last=100.0, random_walk=False).warnings


def test_too_good_on_anything() -> None:
    assert decide("mase", 5.0, "ridge_known", 100.0, result_of(1e-9, 5.0, 100.0)).warnings == ("leak",)


def test_the_reader_s_language(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict = decide("mase", 0.9, "drift", 1.0, result_of(0.01, 0.9, 1.0))
    monkeypatch.setenv("TIDEGATE_LANG", "zh_TW")
    assert str(verdict).startswith("模型勝過最佳基準方法「漂移法」：MASE 為 0.9000")


def test_json() -> None:
    verdict = decide("mae", 95.0, "repeat_last", 100.0, None, repeat_last=100.0, random_walk=True)
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
