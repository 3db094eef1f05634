"""Each check sees its illness in a tiny training or a crafted history, and none in the healthy one."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tests.diagnose.crafted import case, fit, healthy, history, wave
from tidegate.diagnose import diagnose, examine
from tidegate.diagnose.checks import curve, data, skill
from tidegate.diagnose.checks import curve as history_checks
from tidegate.diagnose.evidence import Case, Evidence
from tidegate.diagnose.examine import Examined, measure_flow
from tidegate.diagnose.measure import Probes, explained, spread
from tidegate.diagnose.run import Check
from tidegate.train.history import History


def ids(check: Any, **changes: Any) -> list[str]:
    changed = case(**changes)
    return [finding.id for finding in check(changed, Examined(changed))]


def of_history(check: Any, found: History) -> list[str]:
    return [finding.id for finding in check(Evidence(history=found))]


def test_a_healthy_model_has_nothing_grave_and_is_left_as_it_is() -> None:
    model = healthy()
    before = {name: weight.clone() for name, weight in model.fitted_.network.state_dict().items()}
    generator = torch.get_rng_state()
    found = diagnose(model)
    assert [item.id for item in found if item.severity == "critical"] == []
    assert all(torch.equal(before[name], now) for name, now in model.fitted_.network.state_dict().items())
    assert torch.equal(generator, torch.get_rng_state())
    assert found.to_json() == diagnose(model).to_json()


def test_overfitting_is_a_validation_loss_that_rises_while_the_training_loss_falls() -> None:
    bad = history([1.0, 0.5, 0.6, 0.8, 1.0], [1.0, 0.5, 0.3, 0.2, 0.1])
    assert ids(curve.overfitting, history=bad) == ["overfitting"]
    assert ids(curve.overfitting, history=history([1.0, 0.6, 0.5])) == []
    both = history([1.0, 0.5, 0.6, 0.8, 1.0])
    assert ids(curve.overfitting, history=both) == []


def test_jumps_of_the_validation_loss() -> None:
    assert of_history(history_checks.unstable, history([1.0, 0.5, 2.0, 0.5, 3.0, 0.6])) == ["unstable_loss"]
    assert of_history(history_checks.unstable, history([1.0, 0.5, 0.55, 0.5, 0.52, 0.5])) == []
    ended = history([1.0, 0.9])
    ended.stopped = "diverged"
    assert of_history(history_checks.unstable, ended) == ["unstable_loss"]


def test_epochs_after_the_best_one_are_wasted() -> None:
    assert "wasted_epochs" in of_history(history_checks.wasted, history([1.0, 0.5, *[0.6] * 20]))
    assert "wasted_epochs" not in of_history(history_checks.wasted, history([1.0, *[0.6] * 5, 0.5]))


def test_gradients_explode_where_the_norm_stays_far_above_the_clip() -> None:
    wild = history([1.0] * 5, grad_norm=50.0, clipped=1.0)
    assert of_history(history_checks.exploding, wild) == ["exploding_gradients"]
    assert of_history(history_checks.exploding, history([1.0] * 5)) == []


def test_gradients_by_lag_are_those_of_torch() -> None:
    """The gradient at every step is the one of the window itself where the recurrence reads it as it is."""
    opened = case()
    flow = measure_flow(opened)
    assert flow is not None
    assert len(flow.by_lag) == 24
    batch = opened.batch(spread(opened.origins["train"], 64))
    past = batch[0].clone().requires_grad_(True)
    opened.loss(opened.network, (past, *batch[1:])).backward()
    assert past.grad is not None
    expected = past.grad.square().sum(dim=2).sum(dim=0).sqrt().flip(0).numpy()
    np.testing.assert_allclose(flow.by_lag, expected, rtol=1e-4, atol=1e-8)


def test_a_vanishing_gradient_is_seen_where_old_values_matter() -> None:
    """A forget gate held shut passes nothing on."""
    model = fit(wave(), max_epochs=1)
    opened = model.evidence()[0]
    rnn = next(part for part in opened.network.modules() if isinstance(part, torch.nn.RNNBase))
    with torch.no_grad():
        for name, weight in rnn.named_parameters():
            if "bias" in name:
                weight[8:16] = -20.0  # forget gate: rows H to 2H
            if "weight_hh" in name:
                weight.zero_()
    flow = measure_flow(opened)
    assert flow is not None
    assert flow.by_lag[-1] < 1e-6 * flow.by_lag[0]
    assert flow.saturated > 0.2
    found = curve.vanishing(opened, Examined(opened))
    assert [item.id for item in found] == ["vanishing_gradients"]


def test_unscaled_inputs_are_named() -> None:
    values = wave()
    values["y"] = values["y"] * 1000
    model = fit(values, scale="none", max_epochs=2)
    found = diagnose(model)
    assert found.top is not None
    assert (found.top.id, found.top.evidence["column"]) == ("unscaled_inputs", "y")
    assert found.top.remedy == {"preparation.scale": "standard"}


def test_of_independent_values_it_is_said_and_no_size_is_advised() -> None:
    values = wave()
    values["y"] = np.random.default_rng(5).lognormal(size=len(values["y"]))
    found = diagnose(fit(values, max_epochs=2))
    assert found.top is not None
    assert found.top.id == "independent"
    assert not any({"hidden_size", "num_layers", "window", "max_epochs"} & set(item.remedy) for item in found)


def test_a_column_that_is_the_target_is_a_leak() -> None:
    values = wave()
    generator = np.random.default_rng(1)
    values |= {"plan": values["y"] * 2 + 5, "noise": generator.normal(size=600)}
    found = diagnose(fit(values, {"known": ["plan", "noise"]}, max_epochs=3))
    assert found.top is not None
    assert (found.top.id, found.top.evidence["column"]) == ("leak", "plan")
    assert found.top.remedy == {"known": ["noise"]}


def test_the_clock_and_an_honest_covariate_are_no_leak() -> None:
    values = wave()
    generator = np.random.default_rng(2)
    values["heat"] = values["y"] + generator.normal(0, 1.5, 600)
    opened = fit(values, {"known": ["heat"]}, max_epochs=2).evidence()[0]
    assert skill.leak(opened, Examined(opened)) == []


def test_noise_columns_are_not_used() -> None:
    values = wave()
    generator = np.random.default_rng(3)
    names = ["a", "b", "c"]
    values |= {name: np.repeat(generator.normal(size=600), 1) for name in names}
    opened = fit(values, {"observed": names}, max_epochs=10).evidence()[0]
    assert set(Examined(opened).column_use) == set(names)
    used = Examined(opened)
    used.column_use = {"a": 0.3, "b": 0.0, "c": -0.1}
    found = data.columns(opened, used)
    assert found[0].evidence["columns"] == "b, c"
    assert found[0].remedy == {"observed": ["a"]}


def test_a_random_walk_is_copied() -> None:
    walk = wave() | {"y": np.cumsum(np.random.default_rng(4).normal(size=600))}
    opened = fit(walk, normalise="last", calendar=(), max_epochs=3).evidence()[0]
    assert [item.id for item in skill.lag_copy(opened, Examined(opened))] == ["lag_copy"]
    assert skill.lag_copy(case(), Examined(case())) == []


def test_a_level_that_left_the_training_range_is_drift() -> None:
    values = wave()
    values["y"] = values["y"] + np.where(np.arange(600) > 430, 30.0, 0.0)
    opened = fit(values, max_epochs=3).evidence()[0]
    found = data.drift(opened, Examined(opened))
    assert found[0].evidence["shift"] > 5
    assert found[0].remedy == {"network.normalise": "last"}
    assert data.drift(case(), Examined(case())) == []


def test_a_window_shorter_than_the_cycle() -> None:
    opened = fit(wave(), window=3, calendar=(), max_epochs=8).evidence()[0]
    found = data.window(opened, Examined(opened))
    assert found[0].id == "window_short"
    assert found[0].remedy["window"] >= 6


def test_outliers_dominate_a_squared_loss() -> None:
    values = wave()
    values["y"][::97] += 200.0
    opened = fit(values, loss="mse", max_epochs=3).evidence()[0]
    found = data.outliers(opened, Examined(opened))
    assert found[0].id == "outliers"
    assert found[0].remedy["loss"] == "mae"
    assert data.outliers(case(), Examined(case())) == []


def test_two_years_of_months_are_too_few_cycles() -> None:
    rows = 40
    months = {"time": np.datetime64("2015-01") + np.arange(rows), "y": np.sin(np.arange(rows) * np.pi / 6)}
    opened = fit(months, window=4, horizon=3, max_epochs=1).evidence()[0]
    assert [item.id for item in data.cycles(opened, Examined(opened))] == ["few_cycles"]


def test_rates_that_are_too_high_or_too_low() -> None:
    slow = diagnose(fit(wave(), learning_rate=1e-6)).top
    assert slow is not None
    assert slow.id == "learning_rate_low"
    assert slow.remedy["learning_rate"] >= 2e-3
    fast = diagnose(fit(wave(), learning_rate=5.0, max_epochs=10)).top
    assert fast is not None
    assert fast.id == "learning_rate_high"
    assert fast.remedy["learning_rate"] <= 2e-3


def test_a_rate_is_called_wrong_only_where_its_own_evidence_says_so() -> None:
    """Whatever is found, the training named in the sentence ended lower; at 0.2 this small net learns well enough."""
    for rate in (1e-6, 0.2, 5.0):
        for finding in diagnose(fit(wave(), learning_rate=rate, max_epochs=10)):
            if finding.id in ("learning_rate_low", "learning_rate_high"):
                assert finding.evidence["probe_loss"] < 0.99 * finding.evidence["loss"]
                higher = finding.evidence["probe_rate"] > finding.evidence["rate"]
                assert higher == (finding.id == "learning_rate_low")


def driven_case(trained: float, rival: float) -> Examined:
    """A rate of 0.2 with gates at their ends, and what trainings beside it reached."""
    opened = case(options=replace(case().options, learning_rate=0.2))
    examined = Examined(opened)
    flow = examined.flow
    assert flow is not None
    examined.flow = replace(flow, saturated=0.9)
    examined.probes = Probes(trained, 0.2, {0.001: 2.0, 0.005: 1.5, 0.02: 1.2}, trained)
    examined.rival = lambda rate: (600, rival)  # type: ignore[method-assign]
    examined.steps = 600
    return examined


def test_gates_at_their_ends_are_a_wrong_rate_only_where_a_fair_rival_ends_lower() -> None:
    worse, better = driven_case(1.0, 1.1), driven_case(1.0, 0.8)
    assert curve.learning_rate(worse.case, worse) == []
    assert [item.severity for item in curve.gates(worse.case, worse)] == ["info"]
    found = curve.learning_rate(better.case, better)
    assert [item.id for item in found] == ["learning_rate_high"]
    assert found[0].evidence["probe_loss"] == 0.8
    assert found[0].evidence["probe_steps"] == 600
    assert found[0].remedy == {"learning_rate": 0.002}
    assert [item.severity for item in curve.gates(better.case, better)] == ["warning"]


def test_a_probe_that_ended_lower_asks_for_a_fair_trial_and_is_no_proof() -> None:
    """Sixty steps at a rate may end lower by luck; where the trial was as long as the training, it decides."""
    opened, trials = case(), []
    for trained, steps, expected in ((200, 200, []), (5000, 200, ["learning_rate_low"])):
        examined = Examined(opened)
        examined.steps = trained
        examined.probes = Probes(1.0, 0.002, {0.001: 2.0, 0.005: 1.5, 0.02: 0.9}, 1.0)
        examined.rival = lambda rate, steps=steps: trials.append(rate) or (steps, 1.2)  # type: ignore[method-assign, func-returns-value]
        found = curve.learning_rate(opened, examined)
        assert [item.id for item in found] == expected
        assert [item.evidence["probe_rate"] for item in found] == [0.02 for _ in expected]
    assert trials == [0.006, 0.006]


def test_a_rate_far_below_the_usual_one_is_tried_against_it() -> None:
    """No probe ended lower, as where a network starts from last week's value; the trial did."""
    opened = case()
    examined = Examined(opened)
    examined.steps = 2000
    examined.probes = Probes(1.0, 1e-5, {0.001: 1.0, 0.005: 1.1, 0.02: 1.5}, 1.0)
    examined.rival = lambda rate: (2000, 0.9)  # type: ignore[method-assign]
    (found,) = curve.learning_rate(opened, examined)
    assert (found.id, found.evidence["probe_rate"], found.remedy) == (
        "learning_rate_low",
        0.002,
        {"learning_rate": 0.002},
    )
    examined.rival = lambda rate: (2000, 1.0)  # type: ignore[method-assign]
    assert curve.learning_rate(opened, examined) == []


def test_where_little_error_is_left_its_causes_weigh_little() -> None:
    opened = fit(wave(), window=3, calendar=(), max_epochs=8).evidence()[0]
    examined = Examined(opened)
    assert [item.severity for item in data.window(opened, examined)] == ["warning"]
    examined.settled = True
    assert [item.severity for item in data.window(opened, examined)] == ["info"]
    smooth = wave()
    smooth["y"] = 10 + 3 * np.sin(np.arange(600) * 2 * np.pi / 24) + np.sin(np.arange(600) * 2 * np.pi / 168)
    easy = Examined(fit(smooth, normalise="last", hidden_size=16, max_epochs=30).evidence()[0])
    share = easy.measures.error("validation") / easy.measures.naive("validation")
    assert easy.settled == (share < 0.1)
    assert not Examined(case()).settled


def test_one_epoch_was_too_few() -> None:
    found = diagnose(fit(wave(), max_epochs=1)).find("stopped_early")
    assert found is not None
    assert found.remedy["max_epochs"] >= 20


def test_the_share_that_a_regression_explains_is_that_of_ridge() -> None:
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(5)
    x = generator.normal(size=(200, 3))
    y = x @ generator.normal(size=(3, 2)) + generator.normal(size=(200, 2))
    scaler = StandardScaler().fit(x[:150])
    scores = []
    for penalty in (0.01, 0.1, 1.0, 10.0, 100.0):
        model = Ridge(alpha=penalty * 150).fit(scaler.transform(x[:150]), y[:150])
        rest, level = y[150:] - model.predict(scaler.transform(x[150:])), y[:150].mean(axis=0)
        scores.append(1 - (rest**2).sum() / ((y[150:] - level) ** 2).sum())
    assert min(abs(explained(x[:150], y[:150], x[150:], y[150:]) - score) for score in scores) < 1e-6


def test_another_list_of_checks_may_be_run() -> None:
    found = examine(case(), checks=[Check(("capacity",), Case, data.capacity)])
    assert found.checked == ("capacity",)


def test_many_series_are_sampled() -> None:
    rows, count = 60, 40
    time = np.tile(np.datetime64("2024-01-01") + np.arange(rows), count)
    values = np.random.default_rng(6).normal(size=rows * count) + np.tile(np.sin(np.arange(rows)), count)
    table = {"time": time, "y": values, "id": np.repeat([f"s{i}" for i in range(count)], rows)}
    opened = fit(table, {"series": "id"}, window=7, max_epochs=1).evidence()[0]
    assert len(opened.origins["train"]) > 512
    found = examine(opened)
    assert found.sample["train"] == 512


def test_a_replaced_case_changes_nothing_else() -> None:
    assert replace(case(), window=5).history is healthy().history_


def test_where_nothing_is_left_to_learn_training_was_not_too_short() -> None:
    """A target that stands still: the loss falls from 1e-12 to less, which no one needs."""
    opened = case(history=history([1.0, 0.5]))
    examined = Examined(opened)
    for trained, found in ((1.0, ["stopped_early"]), (1e-12, [])):
        examined.probes = Probes(trained, 0.01, {0.01: 2.0}, 0.1 * trained)
        assert [item.id for item in curve.cut_short(opened, examined)] == found
    shift, outside = data.moved(np.full(50, 5.0), np.full(50, 9.0))
    assert (round(shift, 1), outside) == (2.0, 1.0)
