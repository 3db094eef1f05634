"""The bag of words beside a network: against scikit-learn, and that it is never much worse than either alone."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import tidegate as tg
from tests.nn.specs import network
from tidegate.artifacts.bag import bag_scores, terms
from tidegate.artifacts.spec import Label, NetworkSpec, Pool, Recurrent, Tokens
from tidegate.nn.network import Network
from tidegate.prepare.sequence.prepared import PreparedSequences
from tidegate.runtime.network.network import run_network
from tidegate.tasks.label.bag import PAIRS, fit_bag, shares, with_bag

WORDS = [f"w{number}" for number in range(60)]


def texts(count: int = 400, seed: int = 0) -> tuple[list[str], list[str]]:
    """Sentences whose mood is in their last word."""
    rng = np.random.default_rng(seed)
    found, moods = [], []
    for _ in range(count):
        mood = int(rng.integers(2))
        words = [*rng.choice(WORDS[:50], 8).tolist(), WORDS[50 + 5 * mood + int(rng.integers(5))]]
        found.append(" ".join(words))
        moods.append("good" if mood else "bad")
    return found, moods


def numbered(found: list[str]) -> PreparedSequences:
    ids = [[2 + WORDS.index(word) for word in text.split()] for text in found]
    starts = np.concatenate([[0], np.cumsum([len(own) for own in ids])]).astype(np.int64)
    return PreparedSequences(starts, np.concatenate(ids).astype(np.int32))


@pytest.mark.parametrize("classes", [2, 3])
def test_scores_are_those_of_scikit_learn(classes: int) -> None:
    found, _ = texts(240)
    truth = np.random.default_rng(1).integers(0, classes, len(found))
    bag = fit_bag(numbered(found), np.arange(200), truth[:200], (62, classes), groups=None, seed=0, strength=1.0)
    assert bag is not None
    weigher = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+")
    own = LogisticRegression(C=1.0, max_iter=200, tol=1e-3).fit(weigher.fit_transform(found[:200]), truth[:200])
    z = bag.scores(numbered(found), np.arange(200, 240))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, own.predict_proba(weigher.transform(found[200:])), atol=0.01)  # few pairs share a row


def test_terms_are_tokens_and_pairs_without_padding_and_the_unknown() -> None:
    rows, places, counts = terms(np.array([[2, 3, 2, 3], [4, 1, 5, 0]]), 6, 1000)
    assert list(zip(rows[places < 6], places[places < 6], counts[places < 6], strict=True)) == [
        (0, 2, 2),
        (0, 3, 2),
        (1, 4, 1),
        (1, 5, 1),
    ]
    assert counts[(rows == 0) & (places >= 6)].tolist() in ([1, 2], [2, 1])
    assert not ((rows == 1) & (places >= 6)).any()
    nothing = bag_scores(np.zeros((2, 3), int), 8, np.ones(14), np.ones((14, 3)), np.array([1.0, 2.0, 3.0]))
    np.testing.assert_array_equal(nothing, [[1, 2, 3]] * 2)


def made() -> NetworkSpec:
    layers = (Tokens(vocabulary=62, size=5), Recurrent(hidden_size=4), Pool(by="last"), Label())
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=2, layers=layers)


def test_torch_and_numpy_add_the_same_scores_whatever_stands_beside_them() -> None:
    found, moods = texts()
    prepared = numbered(found)
    bag = fit_bag(
        prepared,
        np.arange(300),
        np.array([mood == "good" for mood in moods[:300]], np.int64),
        (62, 2),
        groups=None,
        seed=0,
    )
    assert bag is not None
    plain = network(made())
    joined = with_bag(plain, bag, (0.5, 0.25))
    assert isinstance(joined, Network)
    past, lengths = prepared.gather(np.arange(300, 309))
    with torch.no_grad():
        before, after = (one(torch.from_numpy(past)).values[:, 0, 0].numpy() for one in (plain, joined))
    np.testing.assert_allclose(after, 0.5 * before + 0.25 * bag.scores(prepared, np.arange(300, 309)), atol=1e-5)
    weights = {name: tensor.numpy() for name, tensor in joined.state_dict().items()}
    np.testing.assert_allclose(
        run_network(joined.spec, weights, past, lengths=lengths).values[:, 0, 0], after, atol=1e-5
    )
    assert weights["layers.3.bag.weight"].shape == (62 + PAIRS, 2)


def test_shares_are_the_best_of_both() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    good, noise = 2.0 * np.eye(3)[truth] + rng.normal(size=(300, 3)), rng.normal(size=(300, 3))
    own = shares(noise, good, truth)
    assert own[0] < 0.15 < own[1]
    again = shares(good, good, truth)
    assert sum(again) == pytest.approx(sum(shares(good, noise * 0, truth)[:1]), rel=0.02)


def test_a_classifier_of_texts_is_as_good_as_its_bag_of_words(tmp_path) -> None:
    found, moods = texts(600)
    model = tg.Classifier(hidden_size=4, max_epochs=1, seed=0).fit(found[:500], moods[:500], progress=False, test=0)
    assert any(note.kind == "bag" for note in model.notes_)
    assert np.mean(model.predict(found[500:]) == np.array(moods[500:])) > 0.95
    model.save(tmp_path / "model")
    again = tg.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(found[500:]), model.predict(found[500:]))
    without = tg.Classifier(hidden_size=4, max_epochs=1, seed=0, network={"bag": False})
    without.fit(found[:500], moods[:500], progress=False, test=0)
    assert not any(note.kind == "bag" for note in without.notes_)
    assert without.spec_.find("label").bag == 0
