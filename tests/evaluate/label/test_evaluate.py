"""Verdicts on made-up classifiers and regressors of which it is known what to think."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from tests.evaluate.label.sample import make, texts
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.table import Note
from tidegate.evaluate.label import (
    ClassEvaluation,
    Leaks,
    NumberEvaluation,
    cmapss,
    evaluate_classes,
    evaluate_multilabel,
    evaluate_numbers,
    find_leaks,
)
from tidegate.evaluate.label import verdict as module


def said(actual: np.ndarray, count: int, right: float, seed: int, sure: float = 0.8) -> np.ndarray:
    """Probabilities that name the true class with probability `right`."""
    rng = np.random.default_rng(seed)
    named = np.where(rng.random(actual.size) < right, actual, (actual + 1) % count)
    p = np.full((actual.size, count), (1 - sure) / (count - 1))
    p[np.arange(actual.size), named] = sure
    return p


def classes(rows: int, count: int = 3) -> np.ndarray:
    return np.arange(rows) % count


def test_a_better_model_beats() -> None:
    y = classes(600)
    found = evaluate_classes(
        y, said(y, 3, 0.9, 0), "abc", {"nearest": said(y, 3, 0.7, 1), "majority": np.full((600, 3), 1 / 3)}
    )
    assert found.verdict.key == "beats"
    assert found.verdict.beats
    assert found.criterion == "accuracy"
    assert found.methods == ("model", "nearest", "majority")
    assert found.best_baseline == "nearest"
    model = found.overall["model"]
    named = said(y, 3, 0.9, 0).argmax(axis=1)
    assert model["accuracy"] == pytest.approx(metrics.accuracy_score(y, named))
    low, high = found.intervals["model"]["accuracy"]
    assert low < model["accuracy"] < high
    assert found.difference["accuracy"][0] == pytest.approx(model["accuracy"] - found.overall["nearest"]["accuracy"])
    assert found.skill == pytest.approx(1 - (1 - model["accuracy"]) / (1 - found.overall["nearest"]["accuracy"]))
    assert found.mcnemar is not None
    assert found.mcnemar < 1e-6
    assert "beats the best baseline, nearest training sequence: its accuracy of" in found.summary("en")
    assert "勝過最佳基準方法「最近的訓練序列」：準確率為" in found.summary("zh_TW")
    assert np.array_equal(found.confusion, metrics.confusion_matrix(y, named))
    assert found.per_class["b"]["f1"] == pytest.approx(metrics.f1_score(y, named, average=None)[1])
    assert found.reliability.error == pytest.approx(model["ece"])


@pytest.mark.parametrize(
    ("rows", "own", "other", "key", "sentence"),
    [
        (600, 0.8, 0.8, "chance", "is no better than the best baseline"),
        (6000, 0.6, 0.8, "loses", "does not beat the best baseline"),
        (24, 0.8, 0.7, "few", "Too little was tested"),
        (24, 1.0, 0.1, "beats", "beats the best baseline"),
    ],
)
def test_sentences(rows: int, own: float, other: float, key: str, sentence: str) -> None:
    y = classes(rows)
    found = evaluate_classes(y, said(y, 3, own, 0), "abc", {"nearest": said(y, 3, other, 1)})
    assert found.verdict.key == key
    assert sentence in found.table("en")
    assert found.summary("zh_TW").startswith(("模型", "測試集太小", "目前看不出"))


def test_equal_methods_tie_and_none_is_alone() -> None:
    y = classes(300)
    p = said(y, 3, 0.8, 0)
    assert evaluate_classes(y, p, "abc", {"nearest": p}).verdict.key == "tie"
    alone = evaluate_classes(y, p, "abc")
    assert alone.verdict.key == "alone"
    assert alone.skill is None
    assert alone.difference == {}
    assert "There is no baseline to compare with: the model's accuracy is 0." in str(alone.table("en"))


def test_mcnemar_s_test_has_a_say() -> None:
    sure = module.Comparison("accuracy", True, 0.85, "nearest", 0.8, 0.01, 0.09, "things", 100, p=0.03)
    assert module.decide(sure, things=100, sequences=100).key == "beats"
    assert module.decide(replace(sure, p=0.08), things=100, sequences=100).key == "chance"
    assert module.decide(replace(sure, p=None, low=-0.01), things=100, sequences=100).key == "chance"


def test_what_accuracy_hides() -> None:
    y = np.repeat([0, 1], [570, 30])
    always = np.tile([0.9, 0.1], (600, 1))
    found = evaluate_classes(y, always, ["calm", "fault"], {"nearest": said(y, 2, 0.9, 0)})
    assert found.criterion == "f1_macro"
    assert found.verdict.remarks == ("imbalance", "never", "too_unsure")
    text = found.summary("en")
    assert "always saying “calm” would be right 95.0 % of the time, and the model finds 0 % of “fault”" in text
    assert "It never said “fault”, which 30 of the 600 are." in text
    assert "一律回答「calm」就有 95.0% 答對" in found.summary("zh_TW")
    assert evaluate_classes(y, always, ["calm", "fault"], criterion="accuracy").criterion == "accuracy"


def test_the_share_of_the_commonest_class_is_the_baselines_in_the_table() -> None:
    """The class that is commonest in training, not the one that happens to be commonest in the test part."""
    y = np.repeat([0, 1, 2], [100, 400, 30])
    majority = np.tile([0.5, 0.3, 0.2], (530, 1))
    found = evaluate_classes(y, said(y, 3, 0.9, 0), "abc", {"majority": majority})
    share = found.overall["majority"]["accuracy"]
    assert f"always saying “a” would be right {100 * share:.1f} % of the time" in found.summary("en")


@pytest.mark.parametrize(("sure", "remark"), [(0.9, "too_unsure"), (0.99, None), (0.999, None)])
def test_probabilities_that_do_not_hold_are_remarked_upon(sure: float, remark: str | None) -> None:
    y = classes(600)
    right = np.full((600, 3), (1 - sure) / 2)
    right[np.arange(600), y] = sure
    right[:6] = np.roll(right[:6], 1, axis=1)
    found = evaluate_classes(y, right, "abc", {"nearest": said(y, 3, 0.5, 1)})
    assert found.verdict.remarks == (() if remark is None else (remark,))
    assert ("average 0.900 where 0.990" in found.summary("en")) == (remark is not None)
    wrong = evaluate_classes(y, said(y, 3, 0.5, 0) * 0.1 + right[:, [1, 2, 0]] * 0.9, "abc")
    assert "too_sure" in wrong.verdict.remarks


def test_a_tie_with_a_perfect_baseline_is_a_tie() -> None:
    y = classes(1000)
    nearly = np.eye(3)[y]
    nearly[0] = np.roll(nearly[0], 1)
    found = evaluate_classes(y, nearly, "abc", {"nearest": np.eye(3)[y]})
    assert found.verdict.key == "tie"
    assert "Use the baseline" not in found.summary("en")
    assert evaluate_classes(y, np.eye(3)[y], "abc", {"nearest": np.eye(3)[y]}).verdict.key == "perfect"


def test_groups_are_drawn_whole() -> None:
    y = classes(400, 2)
    engines = np.repeat(np.arange(4), 100)
    few = evaluate_classes(y, said(y, 2, 0.9, 0), "ab", {"nearest": said(y, 2, 0.6, 1)}, groups=engines)
    assert few.units == ("groups", 4)
    assert few.mcnemar is None
    assert few.verdict.key == "few"
    assert "on 4 groups of test sequences" in few.summary("en")
    more = evaluate_classes(
        y, said(y, 2, 0.9, 0), "ab", {"nearest": said(y, 2, 0.6, 1)}, groups=np.repeat(range(20), 20)
    )
    assert more.verdict.key == "beats"


def test_steps_are_drawn_by_sequence() -> None:
    y = classes(300, 2)
    starts = np.arange(0, 301, 10)
    found = evaluate_classes(y, said(y, 2, 0.9, 0), "ab", {"logistic_step": said(y, 2, 0.6, 1)}, starts=starts)
    assert found.kind == "tag"
    assert found.units == ("steps", 30)
    assert (found.things, found.sequences) == (300, 30)
    assert found.mcnemar is None
    grouped = evaluate_classes(y, said(y, 2, 0.9, 0), "ab", starts=starts, groups=np.repeat(range(6), 5))
    assert grouped.units == ("groups", 6)
    with pytest.raises(DataError, match="starts must rise from 0 to 300"):
        evaluate_classes(y, said(y, 2, 0.9, 0), "ab", starts=[0, 10])


def test_leaks_make_a_result_suspicious() -> None:
    y = classes(300)
    found = evaluate_classes(y, said(y, 3, 0.9, 0), "abc", leaks=Leaks(copies=9, shared=120, sequences=300))
    assert found.verdict.warnings == ("copies", "groups")
    assert "9 of 300 test sequences have an exact copy" in found.summary("en")
    assert "120 條" in found.summary("zh_TW")
    clean = evaluate_classes(y, said(y, 3, 0.9, 0), "abc", leaks=Leaks(copies=3, shared=0, sequences=300))
    assert clean.verdict.warnings == ()


def test_copies_and_groups_are_found() -> None:
    train = make([[1.0, 2.0], [3.0], [5.0, 6.0]], groups=["a", "b", "b"])
    test = make([[3.0], [1.0], [1.0, 2.0, 3.0], [5.0, 6.0]], groups=["b", "c", "c", "a"])
    assert find_leaks(train, test) == Leaks(2, 2, 4, ("0", "3"))
    assert find_leaks(texts(["A word ", ""]), texts(["a word", "", "other"])) == Leaks(1, 0, 3, ("0",))
    nominal = {"k": np.array(["x", "y"], dtype=object)}
    changed = {"k": np.array(["x", "z"], dtype=object)}
    pair = [make([[1.0, 1.0]], categories=column) for column in (nominal, changed)]
    assert find_leaks(pair[0], pair[0]).copies == 1
    assert find_leaks(*pair).copies == 0


def test_a_threshold_decides_between_two() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.2).astype(int)
    p = np.clip(0.25 + 0.2 * y + rng.normal(0, 0.1, 400), 0.01, 0.99)
    both = np.stack([1 - p, p], axis=1)
    found = evaluate_classes(y, both, ["no", "yes"], {"nearest": both}, threshold=0.35)
    assert found.overall["model"]["f1_macro"] == pytest.approx(metrics.f1_score(y, p >= 0.35, average="macro"))
    assert found.overall["nearest"]["accuracy"] == pytest.approx(np.mean((p >= 0.5) == y))
    assert found.thresholds == (0.35,)
    assert [note.kind for note in found.notes] == ["threshold"]
    alike = evaluate_classes(y, both, ["no", "yes"], {"nearest": both}, threshold={"model": 0.35, "nearest": 0.35})
    assert alike.verdict.key == "tie"
    with pytest.raises(ConfigError, match="3 classes"):
        evaluate_classes(classes(9), said(classes(9), 3, 1, 0), "abc", threshold=0.4)


def test_several_labels() -> None:
    rng = np.random.default_rng(0)
    y = rng.random((200, 3)) < [0.5, 0.3, 0.1]
    own, other = (np.clip(np.where(y, 0.7, 0.3) + rng.normal(0, s, y.shape), 0, 1) for s in (0.1, 0.4))
    found = evaluate_multilabel(y, own, "abc", {"bag_of_words": other}, thresholds=[0.5, 0.5, 0.4])
    assert found.kind == "labels"
    assert found.criterion == "f1_macro"
    assert found.verdict.key == "beats"
    assert found.thresholds == (0.5, 0.5, 0.4)
    wanted = metrics.f1_score(y, own >= [0.5, 0.5, 0.4], average="macro")
    assert found.overall["model"]["f1_macro"] == pytest.approx(wanted)
    assert found.confusion == ()
    assert found.reliability.count.sum() == 600
    assert ClassEvaluation.from_json(json.loads(json.dumps(found.to_json()))).table() == found.table()
    with pytest.raises(DataError, match="between 0 and 1"):
        evaluate_multilabel(y, own + 1, "abc")
    with pytest.raises(DataError, match=r"expected \(200, 3\)"):
        evaluate_multilabel(y, own[:5], "abc")


def test_json_brings_everything_back() -> None:
    y = np.repeat([0, 1, 2], [80, 15, 5])
    notes = (Note("baseline", "The baseline {method} is left out.", {"method": "nearest"}),)
    found = evaluate_classes(y, said(y, 3, 0.9, 0), ["a", "b", "丙"], {"majority": said(y, 3, 0.2, 1)}, notes=notes)
    back = ClassEvaluation.from_json(json.loads(json.dumps(found.to_json())))
    assert back.to_json() == found.to_json()
    assert back.table("zh_TW") == found.table("zh_TW")
    assert back.notes == found.notes
    with pytest.raises(DataError, match="evaluate again"):
        ClassEvaluation.from_json({})


def engines() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    y = rng.uniform(10, 125, 100)
    return y, {
        "model": y + rng.normal(0, 10, 100),
        "ridge_summary": y + rng.normal(2, 20, 100),
        "mean": np.full(100, 70.0),
    }


def test_numbers() -> None:
    y, given = engines()
    model, rest = given["model"], {name: given[name] for name in ("mean", "ridge_summary")}
    found = evaluate_numbers(y, model, rest, names=["life"], unit="cycles", extra={"cmapss": cmapss})
    assert found.methods == ("model", "ridge_summary", "mean")
    assert found.verdict.key == "beats"
    assert found.overall["model"]["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, model))
    assert found.overall["mean"]["cmapss"] == pytest.approx(cmapss(y, given["mean"]))
    for metric in ("rmse", "mae", "r2", "bias", "median_ae", "cmapss"):
        low, high = found.intervals["model"][metric]
        assert low < found.overall["model"][metric] < high, metric
    low, high = found.difference["rmse"][1:]
    assert low < found.difference["rmse"][0] < high < 0
    assert 0 < found.verdict.values["low"] < found.verdict.values["high"]  # how much better, not how much lower
    assert "its RMSE of" in found.summary("en")
    assert "RMSE 為" in found.summary("zh_TW")
    assert "C-MAPSS score" in found.table("en")
    assert "模型的 RMSE 有" in found.table("zh_TW")
    back = NumberEvaluation.from_json(json.loads(json.dumps(found.to_json())))
    assert back.table() == found.table()
    assert evaluate_numbers(y, given["mean"], rest).verdict.key == "loses"
    assert evaluate_numbers(y, model, {"mine": model}).verdict.key == "tie"
    assert evaluate_numbers(y, model).verdict.key == "alone"
    assert evaluate_numbers(y, model, rest, groups=np.arange(100) % 3).verdict.key == "few"
    assert evaluate_numbers(y, model, rest, criterion="mae").criterion == "mae"


def test_the_bootstrap_of_numbers_is_that_of_the_things_drawn() -> None:
    from tidegate.evaluate.label.metrics.bootstrap import draws, repeats
    from tidegate.evaluate.label.numbers import _features, _metrics

    y, given = engines()
    counts = np.concatenate(list(draws(100, 10, 0)))
    found = _metrics(counts @ _features(y[:, None], given["model"][:, None]))
    for place in range(10):
        chosen = repeats(counts[place], np.arange(100))
        pair = y[chosen], given["model"][chosen]
        assert found["rmse"][place] == pytest.approx(metrics.root_mean_squared_error(*pair))
        assert found["mae"][place] == pytest.approx(metrics.mean_absolute_error(*pair))
        assert found["r2"][place] == pytest.approx(metrics.r2_score(*pair))
        assert found["bias"][place] == pytest.approx(np.mean(pair[1] - pair[0]))


def test_several_numbers_and_gaps() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=(60, 2))
    y[:5, 1] = math.nan
    found = evaluate_numbers(y, np.zeros((60, 2)), {"mean": np.ones((60, 2))}, names=["a", "b"])
    assert found.per_target["b"]["model"]["mae"] == pytest.approx(np.nanmean(np.abs(y[:, 1])))
    assert found.overall["model"]["mae"] == pytest.approx(np.nanmean(np.abs(y)))
    with pytest.raises(DataError, match="1 names were given for 2"):
        evaluate_numbers(y, y, names=["a"])
    with pytest.raises(DataError, match=r"'mean' have shape \(3, 1\)"):
        evaluate_numbers(y, np.zeros((60, 2)), {"mean": np.zeros(3)})
    with pytest.raises(ConfigError, match="criterion is 'mape'"):
        evaluate_numbers(y, y, criterion="mape")  # type: ignore[arg-type]
