"""Networks that write tokens: against torch's own layers step by step, in numpy, copying by hand, and free-running."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.nn.specs import network
from tidegate.artifacts.shapes import tensor_shapes
from tidegate.artifacts.spec import NetworkSpec, Recurrent, Tokens, Write
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.runtime.network.network import read_source, run_network
from tidegate.runtime.network.recurrent import Loaded
from tidegate.runtime.network.write import Pen, Step, distribution

SOURCE = np.random.default_rng(0).integers(2, 9, (3, 6))
LENGTHS = np.array([6, 4, 1])
TRUTH = np.random.default_rng(1).integers(2, 7, (3, 5))
KINDS: list[dict[str, Any]] = [
    {"attention": "general"},
    {"attention": "general", "feeding": True, "copying": True, "num_layers": 2},
    {"attention": "additive", "copying": True, "tied": False},
    {"attention": "concat", "cell": "gru", "hidden_size": 4},
    {"attention": "dot", "hidden_size": 10, "cell": "coupled"},
    {"attention": None, "cell": "peephole", "num_layers": 2},
]


def spec(*, outputs: int = 7, both: bool = True, **options: Any) -> NetworkSpec:
    recurrent = Recurrent(hidden_size=5, num_layers=2, bidirectional=both)
    layers = (Tokens(vocabulary=9, size=4), recurrent, Write(**{"size": 4, "hidden_size": 6, **options}))
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=outputs, layers=layers)


def said(built: Any, truth: np.ndarray = TRUTH, forced: Any = None) -> Any:
    tensors = torch.from_numpy(SOURCE), None, None, torch.from_numpy(truth), forced, torch.from_numpy(LENGTHS)
    with torch.no_grad():
        return built(*tensors)


@pytest.mark.parametrize("options", KINDS, ids=lambda options: "-".join(map(str, options.values())))
def test_torch_and_numpy_write_alike(options: dict[str, Any]) -> None:
    one = spec(**options)
    built = network(one)
    weights = {name: tensor.numpy() for name, tensor in built.state_dict().items()}
    assert {name: value.shape for name, value in weights.items()} == tensor_shapes(one)
    expected = said(built)
    for own in (weights, Loaded(weights)):
        found = run_network(one, own, SOURCE, lengths=LENGTHS, truth=TRUTH)
        np.testing.assert_allclose(found.values, expected.values.numpy(), atol=1e-5)
        for name in ("decoder_attention", "gate"):
            mine, theirs = getattr(found, name), getattr(expected, name)
            assert (mine is None) == (theirs is None)
            if mine is not None:
                np.testing.assert_allclose(mine, theirs.numpy(), atol=1e-5)


def test_a_whole_text_is_torchs_lstm_step_by_step_with_attention_after_it() -> None:
    one = spec(attention="general", tied=True)
    built, own = network(one), network(one).state_dict()
    encoder = nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)
    encoder.load_state_dict({n.removeprefix("layers.1.rnn."): v for n, v in own.items() if n.startswith("layers.1.")})
    decoder = nn.LSTM(4, 6, batch_first=True)
    decoder.load_state_dict({n.removeprefix("layers.2.rnn."): v for n, v in own.items() if ".2.rnn." in n})
    found = said(built).values[:, :, 0]
    at = {name.removeprefix("layers.2."): value for name, value in own.items()}
    for row, length in enumerate(LENGTHS.tolist()):
        with torch.no_grad():
            x, _ = encoder(own["layers.0.embedding.weight"][torch.from_numpy(SOURCE[row : row + 1, :length])])
            ends = torch.cat([x[0, -1, :5], x[0, 0, 5:]])
            numbers = at["start.weight"] @ ends + at["start.bias"]
            state: Any = (torch.tanh(numbers[:6]).view(1, 1, 6), numbers[6:].view(1, 1, 6))
            for step, token in enumerate(TRUTH[row].tolist()):
                h, state = decoder(at["embedding.weight"][token].view(1, 1, 4), state)
                shares = torch.softmax(x[0] @ at["attention.key.weight"].T @ h[0, 0], dim=0)
                o = torch.tanh(at["combine.weight"] @ torch.cat([shares @ x[0], h[0, 0]]))
                scores = at["embedding.weight"] @ (at["map.weight"] @ o) + at["bias"]
                torch.testing.assert_close(found[row, step], scores, atol=1e-5, rtol=1e-5)


def test_free_running_reads_its_own_likeliest_tokens() -> None:
    for options in KINDS[:3]:
        built = network(spec(**options))
        tokens = TRUTH[:, :1]
        for _ in range(4):
            likeliest = said(built, tokens).values[:, -1, 0].argmax(dim=1, keepdim=True).numpy()
            tokens = np.concatenate([tokens, likeliest], axis=1)
        free = said(built, TRUTH, torch.zeros(3, 5, dtype=torch.bool))
        np.testing.assert_allclose(free.values, said(built, tokens).values, atol=1e-5)


def test_all_that_is_forced_is_the_one_call() -> None:
    built = network(spec())
    forced = said(built, TRUTH, torch.ones(3, 5, dtype=torch.bool))
    torch.testing.assert_close(forced.values, said(built).values)


def test_vectors_may_be_the_sources() -> None:
    one = spec(outputs=9, shared=True)
    assert not any(name.startswith("layers.2.embedding") for name in tensor_shapes(one))
    weights = {name: tensor.numpy() for name, tensor in network(one).state_dict().items()}
    found = run_network(one, weights, SOURCE, lengths=LENGTHS, truth=TRUTH)
    np.testing.assert_allclose(found.values, said(network(one)).values, atol=1e-5)


def test_copying_is_a_mixture_worked_by_hand() -> None:
    """Half is written (gate 0), half taken: places 0 and 2 are word 2, place 1 a word outside the vocabulary of 3."""
    scores = np.log(np.array([[[0.5, 0.3, 0.2]]], np.float32))
    step = Step(
        scores[0].copy(), np.asarray, np.array([[[0.25, 0.6, 0.15]]], np.float32), np.zeros((1, 1), np.float32), 1
    )
    found = np.exp(distribution(step, np.array([[2, 3, 2]]), 1))[0, 0]
    np.testing.assert_allclose(found, [0.25, 0.15, 0.1 + 0.2, 0.3], atol=1e-6)
    plain = np.exp(distribution(Step(scores[0].copy(), np.asarray, None, None, 1), None, 0))[0, 0]
    np.testing.assert_allclose(plain, [0.5, 0.3, 0.2], atol=1e-6)


def test_a_pen_goes_on_with_any_hypothesis() -> None:
    one = spec(**KINDS[1])
    weights = Loaded({name: tensor.numpy() for name, tensor in network(one).state_dict().items()})
    sequence, lengths = read_source(one, weights, SOURCE, LENGTHS)
    pen = Pen(one, weights, sequence, lengths)
    pen.take(np.arange(3), np.zeros((3, 2), np.int64))
    pen.step(np.array([[2, 3], [4, 5], [6, 2]]))
    pen.take(np.array([0, 2]), np.array([[1, 1], [0, 1]]))
    found = pen.step(np.array([[4, 5], [3, 3]])).scores
    for place, (row, tokens) in enumerate([(0, [3, 4]), (0, [3, 5]), (2, [6, 3]), (2, [2, 3])]):
        alone = run_network(
            one, weights, SOURCE[row : row + 1], lengths=LENGTHS[row : row + 1], truth=np.array([tokens])
        )
        np.testing.assert_allclose(found.reshape(4, -1)[place], alone.values[0, -1, 0], atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        {"feeding": True, "attention": None},
        {"copying": True, "attention": None},
        {"shared": True},
        {"attention": "dot"},
    ],
)
def test_what_cannot_be_is_refused(layer: dict[str, Any]) -> None:
    whole = spec().model_dump()
    whole["layers"] = (*whole["layers"][:2], {"kind": "write", "size": 3, "hidden_size": 6, **layer})
    with pytest.raises(ArtifactError, match=r"model\.json: network"):
        NetworkSpec.from_json(whole)


def test_tokens_to_read_are_asked_for() -> None:
    with pytest.raises(ConfigError, match="truth"):
        network(spec())(torch.from_numpy(SOURCE))
