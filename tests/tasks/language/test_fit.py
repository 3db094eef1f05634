"""Language models learn, read text in three ways, and repeat: against torch walked token by token."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.language.corpora import QUICK, chain
from tidegate.artifacts.spec import NetworkSpec, Next, Recurrent, Tokens
from tidegate.core.errors import ConfigError, DataError, NotFittedError, SplitError
from tidegate.nn.network import Network
from tidegate.prepare.vocabulary import END
from tidegate.report.run import render, view_of
from tidegate.tasks.language.fit import CarriedLoss, Tracks, adapted_nats, block_nats, carried_nats
from tidegate.train.checkpoint import Checkpoint
from tidegate.train.loop import train
from tidegate.train.options import TrainOptions


@cache
def fitted(tokens: str = "char") -> Any:
    return tg.LanguageModel(tokens=tokens, **QUICK).fit(chain(3000), validation=0.1, test=0.1, progress=False)


def tiny(size: int = 9) -> Network:
    layers = (Tokens(vocabulary=size, size=4), Recurrent(hidden_size=6, num_layers=2), Next())
    torch.manual_seed(0)
    return Network(NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=size, layers=layers)).eval()


def one_by_one(network: Network, tokens: np.ndarray, before: np.ndarray) -> np.ndarray:
    whole = np.concatenate([before, tokens])
    with torch.no_grad():
        scores = network(torch.from_numpy(whole[None].astype(np.int64))).values[0, :, 0].log_softmax(1).numpy()
    return -scores[np.arange(len(before) - 1, len(whole) - 1), tokens]


def test_it_learns_the_rule_and_beats_no_more_than_there_is() -> None:
    model = fitted()
    found = model.evaluate()
    test = model.fitted_.parts.test[0]
    words = len(test.split()) / len(test)  # for each character
    least = 3.5 / 4 * np.log(2) * words  # of four words three have two that may follow, and the last half of the time
    ends = (np.log(8) / 8 + 7 / 8 * np.log(8 / 7)) * words  # if it does not count the words of a line
    assert 0.95 * least < found.overall["model"]["nats_per_character"] < least + ends
    assert found.overall["unigram"]["perplexity"] > 8
    assert found.best_baseline is not None
    assert found.best_baseline.startswith("kneser_ney")
    each = found.overall["model"]
    assert each["perplexity"] == pytest.approx(np.exp(each["nats_per_character"]))
    assert each["bits_per_character"] == pytest.approx(each["nats_per_character"] / np.log(2))


def test_rounded_products_learn_as_well() -> None:
    plain = fitted()
    rounded = tg.LanguageModel(**QUICK, training={"precision": "bfloat16"})
    rounded.fit(chain(3000), validation=0.1, test=0.1, progress=False)
    losses = [[epoch.train_loss for epoch in model.history_.epochs] for model in (plain, rounded)]
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.03)
    nats = [model.evaluate().overall["model"]["nats_per_character"] for model in (plain, rounded)]
    assert nats[1] == pytest.approx(nats[0], rel=0.05)
    assert all(weight.dtype == np.float32 for weight in rounded.fitted_.weights.values())


@pytest.mark.parametrize("tokens", ["word", "bpe", "symbol"])
def test_any_tokens_are_learned(tokens: str) -> None:
    model = tg.LanguageModel(tokens=tokens, **{**QUICK, "max_epochs": 10}).fit(chain(2000), progress=False)
    found = model.evaluate()
    assert found.overall["model"]["perplexity"] < 0.7 * found.overall["unigram"]["perplexity"]
    if tokens != "bpe":  # bytes that no text has are not forgotten so soon
        assert set(model.generate(length=60)[0].text.split()) <= set(chain(2000).split())


def test_a_carried_state_is_that_of_the_whole_text_and_blocks_begin_from_nothing() -> None:
    network, rng = tiny(), np.random.default_rng(0)
    before, tokens = rng.integers(3, 9, 600).astype(np.int32), rng.integers(3, 9, 500).astype(np.int32)
    np.testing.assert_allclose(carried_nats(network, tokens, before), one_by_one(network, tokens, before), atol=1e-5)
    many = carried_nats(network, tokens, before, warm=30, most=4)  # stretches forget what was long before
    np.testing.assert_allclose(many, one_by_one(network, tokens, before), atol=2e-3)
    assert carried_nats(network, tokens[:3], before[:0]).shape == (3,)
    blocks = block_nats(network, tokens, 64)
    for first in range(0, 500, 64):
        own = tokens[first : first + 64]
        np.testing.assert_allclose(blocks[first : first + 64], one_by_one(network, own, np.array([END])), atol=1e-5)


def test_dynamic_evaluation_scores_before_it_learns() -> None:
    network, rng = tiny(), np.random.default_rng(0)
    tokens = np.tile(rng.integers(3, 9, 7), 60).astype(np.int32)
    before = rng.integers(3, 9, 50).astype(np.int32)
    squares = {name: torch.ones_like(weight) for name, weight in network.named_parameters()}
    still = adapted_nats(network, tokens, before, squares, rate=0.0, decay=0.0, segment=5)
    np.testing.assert_allclose(still, one_by_one(network, tokens, before), atol=1e-5)
    moved = adapted_nats(network, tokens, before, squares, rate=0.5, decay=0.0, segment=5)
    np.testing.assert_allclose(moved[:5], still[:5], atol=1e-5)
    assert moved[-50:].mean() < 0.7 * still[-50:].mean()


def test_tracks_lie_side_by_side_and_join_from_batch_to_batch() -> None:
    tokens = np.arange(1000, dtype=np.int32)
    tracks = Tracks(tokens, TrainOptions(batch_size=4, seed=3), 32)
    batches = list(tracks.epoch(2, 0))
    assert len(batches) == len(tracks) == 8
    read = torch.cat([batch[0] for batch in batches], dim=1)
    assert read.shape == (4, 250)
    assert ((read[:, 1:] - read[:, :-1]) % 1000 == 1).all()
    assert ((torch.cat([batch[1] for batch in batches], dim=1) - read) % 1000 == 1).all()
    assert sorted(read.flatten().tolist()) == list(range(1000))
    assert [bool(batch[2]) for batch in batches] == [True] + [False] * 7
    assert not torch.equal(next(tracks.epoch(3, 0))[0], batches[0][0])


def test_a_training_killed_within_an_epoch_goes_on_with_the_state_it_carried(tmp_path: Path) -> None:
    tokens = np.random.default_rng(0).integers(3, 9, 500).astype(np.int32)
    options = TrainOptions(batch_size=4, max_epochs=2, average=0.0, seed=1)

    def run(checkpoint: Checkpoint | None, resume: bool, progress: Any = None) -> dict[str, torch.Tensor]:
        network = tiny()
        tracks = Tracks(tokens, options, 32)
        train(network, tracks, CarriedLoss(), None, options, checkpoint=checkpoint, resume=resume, progress=progress)
        return network.state_dict()

    class Kill:
        def step(self, epoch: int, step: int, steps: int, loss: float) -> None:
            if (epoch, step) == (1, 3):
                raise KeyboardInterrupt

        def epoch(self, epoch: Any) -> None:
            pass

    whole = run(None, False)
    place = Checkpoint(tmp_path / "c", "x", seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        run(place, False, Kill())
    resumed = run(place, True)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_seed_repeats_and_a_run_opens_again(tmp_path: Path) -> None:
    file = tmp_path / "corpus.txt"
    file.write_text(chain(800))
    make = {**QUICK, "max_epochs": 2}
    one = tg.LanguageModel(**make).fit(str(file), out=tmp_path / "run", progress=False)
    two = tg.LanguageModel(**make).fit(file, progress=False)
    assert all(np.array_equal(one.fitted_.weights[name], two.fitted_.weights[name]) for name in two.fitted_.weights)
    loaded, opened = tg.load(tmp_path / "run"), tg.open_run(tmp_path / "run")
    text = one.generate("the ", length=60)[0].text
    assert text.startswith("the ")
    assert loaded.generate("the ", length=60)[0].text == opened.generate("the ", length=60)[0].text == text
    assert opened.evaluate().to_json() == one.evaluated_.evaluation.to_json()
    with pytest.raises(NotFittedError, match="open_run"):
        loaded.evaluate()
    with pytest.raises(NotFittedError):
        loaded.copied(["x"])


def test_the_part_that_chose_the_epoch_is_learned_and_still_judges_what_had_not_seen_it(tmp_path: Path) -> None:
    """A rule that begins with the validation part is known in the test part; validation is not flattered."""
    text = chain(2500) + "\n" + " ".join(["zebu yak"] * 120) + "\n" + " ".join(["yak zebu"] * 120)
    how = {"validation": len("zebu yak ") * 120, "test": len("yak zebu ") * 120 - 1, "progress": False}
    plain = tg.LanguageModel(**QUICK, training={"refit": False}).fit(text, **how)
    model = tg.LanguageModel(**QUICK).fit(text, out=tmp_path / "run", **how)
    assert plain.fitted_.selected is None
    assert [note.kind for note in model.notes_].count("refit") == 1
    learned, before = (own.evaluate().overall for own in (model, plain))
    assert learned["model"]["nats_per_character"] < 0.5 * before["model"]["nats_per_character"]
    kneser = next(name for name in learned if name.startswith("kneser_ney"))
    assert learned[kneser]["nats_per_character"] < 0.5 * before[kneser]["nats_per_character"]
    held = [own.evaluate(part="validation").overall["model"] for own in (model, plain)]
    assert held[0] == held[1]
    opened = tg.open_run(tmp_path / "run", text)
    assert opened.evaluate().overall == learned
    assert opened.evaluate(part="validation").overall["model"] == held[0]
    assert opened.copied(["zebu yak " * 10]).share == 1


def test_several_texts_are_begun_and_ended(tmp_path: Path) -> None:
    texts = chain(4000).splitlines()
    model = tg.LanguageModel(**QUICK).fit(texts, progress=False)
    written = model.generate(length=200, count=20)
    ended = [own for own in written if own.stopped == "end"]
    assert len(ended) > 10
    assert abs(np.mean([len(own.text) for own in ended]) - np.mean(list(map(len, texts)))) < 12
    found = model.evaluate()
    assert found.tokens == found.characters  # the end of a text counts as one
    assert found.tokens == sum(map(len, model.fitted_.parts.test)) + len(model.fitted_.parts.test)


def test_scores_of_texts_and_streams_agree_with_the_network() -> None:
    model = fitted()
    texts = ["the cat sat", "tac eht tas"]
    frame = model.predict(texts)
    bits = list(frame["bits_per_character"])
    assert bits[0] < bits[1]
    numbers = np.concatenate([[END], model.vocabulary_.encode(texts[0])])
    nats = one_by_one(model.fitted_.network, numbers[1:], numbers[:1])
    assert bits[0] == pytest.approx(nats.sum() / np.log(2) / len(texts[0]), rel=1e-4)
    stream = model.stream()
    first, state = stream.update("the c"), stream.snapshot()
    assert stream.next(1)[0][0] == "a"
    rest = model.stream(state).update("at sat")
    np.testing.assert_allclose(np.concatenate([first.nats, rest.nats]), nats, atol=1e-4)


def test_the_best_of_several_is_the_likeliest() -> None:
    found = fitted().generate("the ", length=30, count=2, best_of=6, temperature=1.5)
    every = fitted().generate("the ", length=30, count=6, temperature=1.5)
    assert [own.text for own in found] == [own.text for own in sorted(every, key=lambda own: own.nats)[:2]]


def test_copies_are_found_in_the_training_text() -> None:
    model = fitted()
    stretch = model.fitted_.parts.train[0][100:180]
    found = model.copied([stretch, "zzzz" * 20])
    assert found.share == pytest.approx(0.5)
    assert found.longest == stretch


def test_advice_is_given_before_and_kept() -> None:
    text = chain(3000)
    advice = tg.LanguageModel().advise(text)
    assert (advice.layers, advice.units) == (1, 64)
    assert "1 layer of 64 units" in str(advice)
    larger = tg.LanguageModel(minutes=500).advise(text * 60)
    assert larger.units > tg.LanguageModel(minutes=1).advise(text * 60).units
    assert larger.weights <= 4 * larger.tokens
    assert tg.LanguageModel(hidden_size=40, max_epochs=3).advise(text).bound == "given"
    assert any(note.kind == "size" for note in fitted().notes_)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"tokens": "letters"}, "tokens"),
        ({"window": 1}, "window"),
        ({"minutes": 0}, "minutes"),
        ({"preparation": {"vocabulary": 3}}, "vocabulary"),
        ({"network": {"tied": 2}}, "tied"),
        ({"hidden_size": 0}, "hidden_size"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        tg.LanguageModel(**options).fit("no such file is looked for")


def test_a_corpus_that_teaches_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="1 different token,"):
        tg.LanguageModel().fit("a" * 5000, progress=False)
    with pytest.raises(DataError, match="at least 200"):
        tg.LanguageModel().fit("a short text\nof two lines", progress=False)
    with pytest.raises(SplitError):
        tg.LanguageModel().fit(chain(300), validation=0.6, test=0.6, progress=False)
    with pytest.raises(DataError, match="no test part"):
        tg.LanguageModel(**{**QUICK, "max_epochs": 1}).fit(chain(300), test=0, progress=False).evaluate()


def test_parts_of_a_prompt_have_temperatures_of_their_own() -> None:
    model = fitted()
    [own] = model.generate(["the c", " and the "], temperature=[0.0, 3.0], length=9, seed=4)
    assert own.text.startswith("the c")
    [first] = model.generate("the c", temperature=0.0, length=9)
    assert own.text.startswith(first.text + " and the ")
    assert own.tokens == 18
    [second] = model.generate(first.text + " and the ", temperature=3.0, length=9, seed=4)
    assert own.text == second.text
    assert (
        model.generate(["a", "b"], count=2, length=3)[0].text != model.generate(["a", "b"], count=2, length=3)[1].text
    )
    with pytest.raises(ConfigError, match="2 parts of the prompt and 1 temperatures"):
        model.generate(["a", "b"], temperature=[0.5])


def test_what_commands_a_terminal_is_learned_and_never_sent_to_one() -> None:
    line = "red \x1b[31m and <b>bold</b> \u202e\n"
    model = tg.LanguageModel(**{**QUICK, "max_epochs": 40}).fit(line * 60, validation=0.1, test=0.1, progress=False)
    [own] = model.generate(length=120, temperature=0)
    assert "\x1b[31m" in own.text
    told = str(own) + str(model.explain()) + str(model.diagnose()) + str(model.evaluate())
    assert "copied" in told
    assert "\x1b" not in told
    assert "\u202e" not in told
    page = render(view_of(model), "en")
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<b>bold" not in page
