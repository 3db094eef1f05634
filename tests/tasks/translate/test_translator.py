"""Translators on a task with a known answer: learned whole, saved, run without torch, the same in any batch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.translate.models import SIZES, fitted, reversed_digits
from tidegate.core.errors import ConfigError, DataError, ReadError
from tidegate.data.files.pairs import read_glossary, read_words
from tidegate.prepare.vocabulary import END
from tidegate.runtime.model import load


def test_digits_are_turned_round_and_beat_the_nearest_training_pair() -> None:
    found = fitted().evaluate()
    assert found.criterion == "same"
    assert found.overall["model"]["same"] > 0.95
    assert found.verdict.beats
    assert set(found.overall) == {"model", "retrieval"}
    # attention looks at the places from the back
    best = fitted().translate("3142")[0][0]
    assert best.text == "2413"
    assert best.attention is not None
    assert best.attention.shape == (5, 5)


def test_a_saved_model_writes_the_same_without_torch_in_any_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [source for source, _ in reversed_digits(90, seed=9)]
    model = fitted()
    before = [[(one.text, one.score) for one in own] for own in model.translate(texts, best=3)]
    loaded = load(model.save(tmp_path / "model"))
    after = [[(one.text, one.score) for one in own] for own in loaded.translate(texts, best=3)]
    assert [[text for text, _ in own] for own in after] == [[text for text, _ in own] for own in before]
    alone = [loaded.translate([text], best=3)[0] for text in texts[:20]]
    assert [[one.text for one in own] for own in alone] == [[text for text, _ in own] for own in before[:20]]
    monkeypatch.setenv("TIDEGATE_NUM_THREADS", "3")
    threaded = load(tmp_path / "model").translate(texts, best=3)
    assert [[(one.text, one.score) for one in own] for own in threaded] == after
    assert list(tg.load(tmp_path / "model").predict(texts[:3])["text"]) == [own[0][0] for own in before[:3]]


def test_scores_are_those_of_the_trained_network() -> None:
    model = fitted()
    found = model.translate("4071")[0][0]
    source = torch.from_numpy(model.model_.source.encode(model.model_.source.cut("4071"))[None])
    numbers = model.model_.target.encode(model.model_.target.cut(found.text))
    read = torch.tensor([[END, *numbers[:-1]]])
    with torch.no_grad():
        scores = model.fitted_.network(source, None, None, read, None, torch.tensor([5])).values[0, :, 0]
    logs = torch.log_softmax(scores, dim=1)
    expected = sum(float(logs[place, number]) for place, number in enumerate(numbers))
    assert found.log_probability == pytest.approx(expected, abs=1e-4)


def test_words_that_training_had_not_are_copied() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(300)]
    pairs = []
    for _ in range(900):
        name, other = rng.choice(words[:200], 2, replace=False)
        pairs.append((f"please greet {name} now {other}", f"hello {name}"))
    model = tg.Translator(
        tokens="word",
        hidden_size=24,
        num_layers=1,
        dropout=0.0,
        max_epochs=14,
        learning_rate=1e-2,
        network={"copying": True},
        training={"batch_tokens": 300},
        preparation={"vocabulary": 12, "min_count": 1, "shared": True},
    ).fit(pairs, validation=60, test=40)
    assert len(model.model_.target) == 12
    texts = model.predict(
        [f"please greet {name} now {other}" for name, other in zip(words[200:230], words[270:], strict=True)]
    )
    right = [text == f"hello {name}" for text, name in zip(texts["text"], words[200:230], strict=True)]
    assert np.mean(right) > 0.9


@pytest.mark.parametrize(
    "options",
    [
        {"network": {"attention": "additive", "copying": True}},
        {"network": {"attention": None}, "cell": "gru", "bidirectional": False},
        {"network": {"feeding": True}, "training": {"teacher_forcing": 0.8, "forcing_schedule": "linear"}},
        {"tokens": "bpe", "preparation": {"lowercase": True, "shared": True, "vocabulary": 300}},
    ],
    ids=["additive", "none", "forcing", "bpe"],
)
def test_every_kind_trains_and_is_saved(options: dict[str, Any], tmp_path: Path) -> None:
    training = {"batch_tokens": 300, **options.get("training", {})}
    made = {**SIZES, "hidden_size": 8, "max_epochs": 2, **options, "training": training}
    model = tg.Translator(**made).fit(reversed_digits(120), validation=20, test=0)
    texts = ["12", "345"]
    loaded = tg.load(model.save(tmp_path / "model"))
    assert list(loaded.predict(texts)["text"]) == list(model.predict(texts)["text"])


def test_a_killed_training_goes_on_and_a_run_opens(tmp_path: Path) -> None:
    pairs, folder = reversed_digits(200), tmp_path / "run"
    source = tmp_path / "pairs.tsv"
    source.write_text("a\tb\n" + "".join(f"{one}\t{two}\n" for one, two in pairs), "utf-8")
    model = tg.Translator(**{**SIZES, "max_epochs": 2, "training": {"batch_tokens": 300}})
    model.fit(source, source="a", target="b", out=folder, validation=20, test=20)
    opened = tg.open_run(folder)
    assert opened.evaluate().to_json() == model.evaluated_.evaluation.to_json()
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints", "config.toml", "history.csv", "metrics.json", "model", "predictions.parquet"
    ]  # fmt: skip


def test_a_translator_writes_the_glossarys_terms_the_same_in_any_batch() -> None:
    model, texts = fitted(), ["1234", "98", "50123", "7", "1298"]
    plain = model.translate(texts, best=2)
    found = model.translate(texts, best=2, glossary={"12": "00", "98": "55"})
    assert "55" in found[1][0].text
    assert [[one.text for one in own] for own in found[2:]] == [[one.text for one in own] for own in plain[2:]]
    for place, text in enumerate(texts):
        alone = model.translate([text], best=2, glossary={"12": "00", "98": "55"})[0]
        assert [(one.text, one.score) for one in alone] == [(one.text, one.score) for one in found[place]]
    with pytest.raises(ConfigError, match="more than max_length 1"):
        model.translate(["98"], glossary={"98": "55"}, max_length=1)


def test_a_glossary_and_a_vocabulary_are_read_and_used_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tidegate.cli.main import main

    model, words, terms = fitted().save(tmp_path / "model"), tmp_path / "words.txt", tmp_path / "terms.tsv"
    terms.write_text("source\ttarget\n98\t55\n\n12\t00\n", "utf-8")
    words.write_text("1\n\n5\n", "utf-8")
    assert read_glossary(terms) == {"98": "55", "12": "00"}
    assert read_words(words) == ["1", "5"]
    assert main(["translate", str(model), "98", "1234", "--glossary", str(terms)]) == 0
    assert capsys.readouterr().out.split() == [fitted().translate("98", glossary={"98": "55"})[0][0].text, "4321"]
    assert main(["translate", str(model), "1234", "--vocabulary", str(words)]) == 0
    assert set(capsys.readouterr().out.strip()) <= {"1", "5"}
    for text, said in (("a\tb\tc\n", "line 1"), ("a\tb\nc\n", "line 2"), ("a,b\na,c\n", "'a' is to be")):
        terms.write_text(text, "utf-8")
        with pytest.raises(ReadError, match=said):
            read_glossary(terms)


def test_what_cannot_be_is_refused() -> None:
    for wrong in ({"tokens": "letters"}, {"network": {"feeding": True, "attention": None}}, {"loss": "mse"}):
        with pytest.raises(ConfigError):
            tg.Translator(**wrong).check()
    with pytest.raises(DataError, match="pairs to train on"):
        tg.Translator(**SIZES).fit([("a", "b")] * 4 + [("c", "d")], validation=1, test=0)
    with pytest.raises(ConfigError, match="beam"):
        fitted().translate("12", beam=1, best=2)
    with pytest.raises(DataError, match="list of texts"):
        fitted().model_.predict("12")
