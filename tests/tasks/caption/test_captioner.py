"""Pictures to sentences: learned, the same without torch, from every kind of data, held to its check."""

from pathlib import Path

import numpy as np
import pytest
import torch

import tidegate as tg
from tests.tasks.caption.pictures import SIZES, bars, fitted, write_table
from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.evaluate.text.metrics import chrf
from tidegate.prepare.pictures import PicturePreparation
from tidegate.runtime.caption.model import CaptionModel
from tidegate.runtime.model import load
from tidegate.runtime.network.network import run_network


def test_it_says_what_is_on_a_picture() -> None:
    pictures, captions = bars(40, seed=9)
    said = fitted().predict(pictures)["text"].to_list()
    assert np.mean([own == other for own, other in zip(said, captions, strict=True)]) > 0.9
    evaluation = fitted().evaluate()
    assert set(evaluation.overall) == {"model", "nearest_picture", "most_frequent"}
    assert evaluation.overall["model"]["chrf"] > evaluation.overall["most_frequent"]["chrf"]


def test_numpy_gives_torchs_figures() -> None:
    own = fitted().fitted_
    batch = own.examples["test"].gather(np.arange(6))
    with torch.no_grad():
        expected = own.network.eval()(batch[0], None, None, batch[2], None, batch[1])
    found = run_network(own.spec, own.weights, batch[0].numpy(), truth=batch[2].numpy())
    np.testing.assert_allclose(found.values, expected.values.numpy(), atol=1e-4)
    assert found.decoder_attention is not None
    np.testing.assert_allclose(found.decoder_attention, expected.decoder_attention.numpy(), atol=1e-5)
    assert found.decoder_attention.shape[2] == 16


@pytest.mark.parametrize("attention", ["additive", "concat", None])
def test_other_decoders_are_the_same_in_numpy(attention: str | None) -> None:
    options = {**SIZES, "network": {**SIZES["network"], "attention": attention, "halved": 1}, "cell": "gru"}
    model = tg.Captioner(**options, max_epochs=1).fit(*bars(40), size=16, validation=8, test=8, progress=False)
    own, batch = model.fitted_, model.fitted_.examples["test"].gather(np.arange(4))
    with torch.no_grad():
        expected = own.network.eval()(batch[0], None, None, batch[2], None, batch[1])
    found = run_network(own.spec, own.weights, batch[0].numpy(), truth=batch[2].numpy())
    np.testing.assert_allclose(found.values, expected.values.numpy(), atol=1e-4)


def test_a_saved_model_says_the_same_alone_and_beside_others(tmp_path: Path) -> None:
    pictures, _ = bars(9, seed=4)
    model = load(fitted().save(tmp_path / "model"))
    assert isinstance(model, CaptionModel)
    assert model.predict(pictures) == fitted().predict(pictures)["text"].to_list()
    best = model.caption(pictures, best=3)
    for picture, own in zip(pictures, best, strict=True):
        (alone,) = model.caption([picture], best=3)
        assert [one.text for one in alone] == [one.text for one in own]
        assert [one.score for one in alone] == pytest.approx([one.score for one in own], abs=1e-5)
        nats = model.nats(model.source.fitted(picture)[None], own[0].numbers)
        assert -nats.sum() == pytest.approx(own[0].log_probability, abs=1e-4)
    assert best[0][0].attention is not None
    np.testing.assert_allclose(best[0][0].attention.sum(axis=(1, 2)), 1.0, atol=1e-5)
    only = {one.text for own in model.caption(pictures, allowed=["red below"]) for one in own}
    assert all(set(text.split()) <= {"red", "below"} for text in only)


def test_covering_what_a_word_looked_at_is_set_beside_covering_others() -> None:
    found = fitted().explain(at=0)
    assert found.lost is not None
    assert found.lost.shape == (len(found.found.tokens),)
    assert found.others.shape == (len(found.found.tokens), 12)
    assert "drawn at random" in found.check("en")
    assert len(found.rows()) == len(found.found.tokens)
    # the whole bar painted over: what was said of it loses much
    picture = found.picture.copy()
    picture[1:15] = 240
    model: CaptionModel = fitted().model_
    assert model.nats(picture[None], found.found.numbers).sum() > 1 - found.found.log_probability
    with pytest.raises(DataError, match="there are 30 inputs"):
        fitted().explain(at=30)


def test_a_picture_lies_in_one_part_with_all_its_captions() -> None:
    pictures, captions = bars(40)
    model = tg.Captioner(**SIZES, max_epochs=1)
    model.fit(
        pictures * 2, [*captions, *(f"a {own}" for own in captions)], size=16, validation=8, test=8, progress=False
    )
    places = [{place % 40 for place in model.fitted_.parts[part].tolist()} for part in ("train", "validation", "test")]
    assert sum(map(len, places)) == 40
    found = model.evaluate()  # each picture once, beside both of its captions
    assert found.count == 4
    assert "nrefs:2" in found.signatures["chrf"]
    with_both = chrf(references=2)
    chosen = list(dict.fromkeys(place % 40 for place in model.fitted_.parts["test"].tolist()))
    references = [(captions[place], f"a {captions[place]}") for place in chosen]
    written = [own[0].text for own in model.caption([pictures[place] for place in chosen])]
    assert found.overall["model"]["chrf"] == pytest.approx(with_both(written, references))


def test_a_run_from_files_goes_on_and_opens_again(tmp_path: Path) -> None:
    table = write_table(tmp_path / "files", 40)
    how = {"size": 16, "validation": 8, "test": 8, "out": tmp_path / "run", "progress": False}
    model = tg.Captioner(**SIZES, max_epochs=1).fit(str(table), **how)
    again = tg.open_run(tmp_path / "run")
    assert again.evaluate().to_json() == model.evaluate().to_json()
    assert again.predict(str(tmp_path / "files" / "0_0.png"))["id"].to_list() == ["0_0"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"network": {"kernel": 4}}, "kernel"),
        ({"network": {"halved": 5, "channels": (4,) * 5}}, "cannot be halved 5 times"),
        ({"augment": {"shift": 2.0}}, "shift"),
        ({"tokens": "letters"}, "tokens"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        tg.Captioner(**options, max_epochs=1).fit(*bars(40), size=16, progress=False)  # type: ignore[arg-type]


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="at least 8 and 1"):
        tg.Captioner().fit(*bars(8), size=16, validation=2, test=0, progress=False)


@pytest.mark.parametrize(
    "change", [{"colours": 2}, {"scale": [0.0, 1.0, 1.0]}, {"mean": [float("nan")] * 3}, {"more": 1}]
)
def test_a_preparation_that_was_tampered_with_is_refused(change: dict[str, object]) -> None:
    state = fitted().fitted_.source.to_json()
    assert PicturePreparation.from_json(state) == fitted().fitted_.source
    with pytest.raises(ArtifactError, match="pictures have height"):
        PicturePreparation.from_json(state | change)
