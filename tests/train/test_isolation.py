"""A training depends on its arguments alone: torch's defaults, its global draws and other threads change nothing."""

import contextlib
import pickle
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tidegate.artifacts.spec import Dropout, Head, NetworkSpec, Pool, Recurrent, Tokens, Transformer
from tidegate.nn import draws
from tidegate.nn.network import Network
from tidegate.train.isolation import plain_torch, seeded_network

HOURS = np.datetime64("2024-01-01T00:00") + np.arange(200).astype("timedelta64[h]")
TABLE = {"time": HOURS, "y": 50 + 10 * np.sin(np.arange(200) * np.pi / 12) + np.random.default_rng(0).normal(size=200)}
SEQUENCES = [np.random.default_rng(k).normal(size=(6 + k % 5, 2)) + k % 2 for k in range(40)]


def forecaster(seed: int) -> Any:
    network = {"anchor": 0, "lags": (), "normalise": "last"}
    model = tg.Forecaster(
        horizon=4, window=12, hidden_size=4, num_layers=2, dropout=0.3, max_epochs=1, seed=seed,
        network=network,
    )  # fmt: skip
    return model.fit(TABLE, time="time", target="y", progress=False)


def classifier(seed: int) -> Any:
    return tg.Classifier(hidden_size=4, max_epochs=2, seed=seed).fit(SEQUENCES, ["a", "b"] * 20, progress=False)


def detector(seed: int) -> Any:
    model = tg.AnomalyDetector(window=12, hidden_size=4, max_epochs=1, seed=seed)
    return model.fit(TABLE, time="time", target="y", progress=False)


FITS: dict[str, Callable[[int], Any]] = {"forecaster": forecaster, "classifier": classifier, "detector": detector}


def weights(model: Any) -> dict[str, np.ndarray[Any, Any]]:
    if hasattr(model, "detector_"):
        return dict(model.detector_.weights)
    return {name: value.numpy() for name, value in model.fitted_.network.state_dict().items()}


def answers(model: Any) -> Any:
    if isinstance(model, tg.Forecaster):
        return model.forecast_columns()["mean"]
    return model.predict_proba(SEQUENCES) if isinstance(model, tg.Classifier) else model.score_columns()["p_value"]


def same(left: Any, right: Any) -> bool:
    ours, theirs = weights(left), weights(right)
    return all(np.array_equal(ours[name], theirs[name]) and ours[name].dtype == np.float32 for name in ours)


@contextlib.contextmanager
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


AROUND: dict[str, Callable[[], Any]] = {
    "float64 by default": double,
    "another device by default": lambda: torch.device("meta"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}


@pytest.mark.parametrize("task", FITS)
def test_what_is_around_a_fit_does_not_matter(task: str) -> None:
    alone = FITS[task](0)
    for name, around in AROUND.items():
        with around():
            found = FITS[task](0)
            assert np.array_equal(answers(found), answers(alone), equal_nan=True), name
        assert same(found, alone), name


@pytest.mark.parametrize("task", FITS)
def test_four_fits_in_four_threads_are_those_of_their_seeds(task: str) -> None:
    alone = [FITS[task](seed) for seed in range(4)]
    found: dict[int, Any] = {}
    threads = [threading.Thread(target=lambda seed=seed: found.update({seed: FITS[task](seed)})) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [same(found[seed], alone[seed]) for seed in range(4)] == [True] * 4


@pytest.mark.parametrize("task", FITS)
def test_a_fitted_estimator_goes_through_pickle(task: str) -> None:
    model = FITS[task](0)
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(answers(again), answers(model), equal_nan=True)
    assert again.get_params() == model.get_params()


def test_a_fit_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    forecaster(0)
    assert torch.equal(torch.get_rng_state(), before)


LAYERS: dict[str, Any] = {
    "lstm": [Tokens(vocabulary=9, size=4, dropout=0.3), Recurrent(hidden_size=4, num_layers=2, dropout=0.2)],
    "transformer": [Tokens(vocabulary=9, size=4), Transformer(hidden_size=4, num_layers=1, num_heads=2, dropout=0.2)],
}


@pytest.mark.parametrize("kind", LAYERS)
def test_starts_and_draws_are_those_of_torchs_own_generator(kind: str) -> None:
    spec = NetworkSpec(
        window=0, horizon=1, past=1, targets=0, outputs=2,
        layers=(*LAYERS[kind], Pool(), Dropout(rate=0.5), {"kind": "label"}),
    )  # fmt: skip
    torch.manual_seed(3)
    expected = Network(spec).train()
    found = seeded_network(spec, 3).train()
    for ours, theirs in zip(found.parameters(), expected.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    tokens = torch.randint(2, 9, (5, 7))
    torch.manual_seed(11)
    want = [expected(tokens).values for _ in range(3)]
    generator = torch.Generator()
    generator.manual_seed(11)
    torch.manual_seed(12)
    with draws.drawing(generator):
        have = [found(tokens).values for _ in range(3)]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(have, want, strict=True))
    assert not torch.equal(want[0], want[1])


def test_the_default_type_comes_back_when_the_last_of_several_threads_is_done() -> None:
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with plain_torch():
            inside.set()
            leave.wait(10)

    with double():
        thread = threading.Thread(target=hold)
        thread.start()
        inside.wait(10)
        with plain_torch():
            assert torch.get_default_dtype() == torch.float32
        assert torch.get_default_dtype() == torch.float32  # the other thread still needs it
        leave.set()
        thread.join()
        assert torch.get_default_dtype() == torch.float64


def test_a_head_is_built_in_float32_whatever_the_default() -> None:
    spec = NetworkSpec(window=4, horizon=2, past=1, layers=(Recurrent(hidden_size=3), Pool(), Head(hidden_size=3)))
    with double():
        found = seeded_network(spec, 0)
    assert {parameter.dtype for parameter in found.parameters()} == {torch.float32}
