"""What is written is what the network says: against torch step by step, alone and beside others."""

import numpy as np
import pytest
import torch

from tests.nn.specs import network
from tidegate.artifacts.spec import NetworkSpec, Next, Recurrent, Tokens
from tidegate.core.errors import ConfigError, DataError
from tidegate.prepare.vocabulary import SPECIAL, Vocabulary
from tidegate.runtime.language.generate import Generation
from tidegate.runtime.language.sampling import Draws, Sampling
from tidegate.runtime.language.writer import Writer
from tidegate.runtime.language.written import Written, visible
from tidegate.runtime.network.recurrent import Loaded

VOCABULARY = Vocabulary("char", (*SPECIAL, *"abcde é"))


def model(size: int = 12, cell: str = "lstm", tied: bool = True) -> tuple[NetworkSpec, Loaded, torch.nn.Module]:
    recurrent = Recurrent(cell=cell, hidden_size=7, num_layers=2)  # type: ignore[arg-type]
    layers = (Tokens(vocabulary=10, size=size), recurrent, Next(tied=tied))
    spec = NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=10, layers=layers)
    built = network(spec)
    return spec, Loaded({name: tensor.numpy() for name, tensor in built.state_dict().items()}), built


def by_torch(built: torch.nn.Module, prompt: str, length: int, sampling: Sampling) -> str:
    tokens, draws = [2, *VOCABULARY.encode(prompt).tolist()], Draws(sampling.seed, 1, 10)
    for _ in range(length):
        with torch.no_grad():
            scores = built(torch.tensor([tokens])).values[0, -1].numpy()
        scores[:, :3] = -1e30
        tokens.append(int(draws.choose(scores, np.float32(1 / sampling.temperature))[0]))
    return VOCABULARY.decode(tokens[1:])


@pytest.mark.parametrize(("size", "cell", "tied"), [(12, "lstm", True), (12, "gru", False), (4, "peephole", True)])
def test_the_text_is_that_of_torch(size: int, cell: str, tied: bool) -> None:
    """With few tokens the first product is made beforehand, with many it is not."""
    spec, weights, built = model(size, cell, tied)
    sampling = Sampling(temperature=1.3, seed=3)
    found = Generation(spec, weights, VOCABULARY, "abé", length=40, sampling=sampling).run()[0]
    assert found.text == by_torch(built, "abé", 40, sampling)
    assert found.new == found.text[3:]
    assert found.tokens == 40
    assert found.stopped == "length"


def test_scores_are_those_of_torch_after_any_prompt() -> None:
    spec, weights, built = model()
    tokens = np.random.default_rng(0).integers(3, 10, 1100).astype(np.int32)
    with torch.no_grad():
        expected = built(torch.from_numpy(tokens[None].astype(np.int64))).values[0, -1].numpy()
    writer = Writer(spec, weights, 2)
    np.testing.assert_allclose(writer.read(tokens), np.repeat(expected, 2, axis=0), atol=1e-5)
    alone = Writer(spec, weights, 1)
    alone.read(tokens[:1000])
    for token in tokens[1000:]:
        scores = alone.step(np.array([token]))
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_a_text_does_not_depend_on_those_beside_it() -> None:
    spec, weights, _ = model()
    many = Generation(spec, weights, VOCABULARY, "a", length=30, count=4, sampling=Sampling(seed=1)).run()
    assert (
        Generation(spec, weights, VOCABULARY, "a", length=30, sampling=Sampling(seed=1)).run()[0].text == many[0].text
    )
    assert len({own.text for own in many}) == 4


def test_nats_are_those_of_the_network_whatever_the_temperature() -> None:
    spec, weights, built = model()
    found = Generation(spec, weights, VOCABULARY, "ab", length=20, sampling=Sampling(temperature=0.3)).run()[0]
    tokens = torch.tensor([[2, *VOCABULARY.encode(found.text).tolist()]])
    with torch.no_grad():
        scores = built(tokens).values[0, :, 0]
    scores[:, :3] = -1e30
    each = torch.nn.functional.cross_entropy(scores[2:-1], tokens[0, 3:], reduction="mean")
    assert found.nats == pytest.approx(float(each), rel=1e-4)


def test_the_likeliest_is_taken_at_temperature_zero_and_repeats_under_any_seed() -> None:
    spec, weights, _ = model()
    texts = {
        Generation(spec, weights, VOCABULARY, length=30, sampling=Sampling(temperature=0, seed=seed)).run()[0].text
        for seed in range(3)
    }
    assert len(texts) == 1


def test_stop_strings_end_a_text_and_are_left_out_also_while_it_streams() -> None:
    spec, weights, _ = model()
    sampling = Sampling(temperature=2.0)
    whole = Generation(spec, weights, VOCABULARY, length=300, sampling=sampling).run()[0].text
    stop = whole[100:103]
    generation = Generation(spec, weights, VOCABULARY, length=300, sampling=sampling, stop=[stop, "zzz"])
    streamed = "".join(part for parts in generation for part in parts)
    assert streamed == generation.written()[0].text == whole[: whole.index(stop)]
    assert generation.written()[0].stopped == "stop"
    held = Generation(spec, weights, VOCABULARY, length=50, sampling=sampling, stop=["never such a thing"])
    assert "".join(part for parts in held for part in parts) == whole[:50]


def test_bytes_of_one_character_come_together() -> None:
    pieces = Vocabulary.fit(["生存還是毀滅"], "bpe", vocabulary=260)[0]
    layers = (Tokens(vocabulary=len(pieces), size=4), Recurrent(hidden_size=4), Next())
    spec = NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=len(pieces), layers=layers)
    weights = Loaded({name: tensor.numpy() for name, tensor in network(spec).state_dict().items()})
    generation = Generation(spec, weights, pieces, "生", length=60)
    assert "".join(part for parts in generation for part in parts) == generation.written()[0].new


def test_a_model_of_texts_may_end_one() -> None:
    spec, weights, _ = model()
    weights = Loaded({**weights, "layers.2.bias": weights["layers.2.bias"] + np.eye(10, dtype=np.float32)[2] * 3})
    found = Generation(spec, weights, VOCABULARY, length=500, ends=True).run()[0]
    assert found.stopped == "end"
    assert found.tokens < 500


def test_what_cannot_be_written_is_refused() -> None:
    spec, weights, _ = model()
    with pytest.raises(DataError, match=r"2 symbols .*from character 2: 'z', '!'"):
        Generation(spec, weights, VOCABULARY, "az!")
    for wrong in ({"length": 0}, {"count": True}, {"stop": "x"}, {"stop": [""]}, {"prompt": 3}):
        with pytest.raises(ConfigError):
            Generation(spec, weights, VOCABULARY, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="MB"):
        Generation(spec, weights, VOCABULARY, count=10**9)


def test_control_characters_are_shown_and_not_sent_to_a_terminal() -> None:
    assert visible("a\x1b[31mé\n\t\r\x07\x9b\u202e生") == "a\u241b[31mé\n\t\u240d\u2407\ufffd\ufffd生"


def test_a_text_is_printed_without_what_commands_a_terminal() -> None:
    own = Written("\x1b[2Jwritten\x07", 0, 9, 1.0, "length")
    assert str(own) == f"{own}" == "\u241b[2Jwritten\u2407"
    assert own.text == "\x1b[2Jwritten\x07"
