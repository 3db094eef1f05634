"""Pictures are read from tables, cells, folders and arrays alike; what cannot be used is named."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tasks.caption.pictures import bars, write_table
from tidegate.core.errors import ConfigError, DataError, ReadError, SchemaError
from tidegate.data.sources.media import pictures as module
from tidegate.data.sources.media.pictures import open_picture, pixels_of, read_pictures
from tidegate.prepare.pictures import PictureAugment, fit_picture, vary_pictures


def test_files_cells_and_arrays_are_the_same(tmp_path: Path) -> None:
    held, captions = bars(6)
    table = write_table(tmp_path, 6)
    found = read_pictures(str(table), size=16)
    np.testing.assert_array_equal(pixels_of(found), np.stack(held))
    assert found.labels is not None
    assert found.labels.tolist() == captions
    files = [tmp_path / f"0_{place}.png" for place in range(6)]
    cells = [base64.b64encode(file.read_bytes()).decode() for file in files]
    cells[0] = f"data:image/png;base64,{cells[0]}"
    rows = "\n".join(f"{cell}\t{caption}" for cell, caption in zip(cells, captions, strict=True))
    (tmp_path / "cells.tsv").write_text(f"image\ttext\n{rows}\n", "utf-8")
    np.testing.assert_array_equal(pixels_of(read_pictures(tmp_path / "cells.tsv", size=16)), np.stack(held))
    np.testing.assert_array_equal(pixels_of(read_pictures(files, captions, size=16)), np.stack(held))
    np.testing.assert_array_equal(pixels_of(read_pictures(np.stack(held) / 255.0, captions, size=16)), np.stack(held))
    for file, caption in zip(files, captions, strict=True):
        file.with_suffix(".txt").write_text(f" {caption}\n", "utf-8")
    folder = read_pictures(tmp_path, size=16)
    assert folder.labels is not None
    assert folder.labels.tolist() == captions


def test_a_column_of_captions_is_named(tmp_path: Path) -> None:
    write_table(tmp_path, 2)
    table = tmp_path / "both.tsv"
    table.write_text("picture\ten\tzh\tsplit\n0_0.png\tred\t紅\ttrain\n0_1.png\tblue\t藍\ttest\n", "utf-8")
    found = read_pictures(str(table), target="zh", size=16)
    assert found.labels is not None
    assert found.labels.tolist() == ["紅", "藍"]
    assert found.parts is not None
    assert found.parts.tolist() == ["train", "test"]
    with pytest.raises(SchemaError, match="fr"):
        read_pictures(str(table), target="fr", size=16)
    with pytest.raises(DataError, match="there are no captions"):
        read_pictures(str(table), size=16)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "I;16", "CMYK"])
def test_every_kind_of_picture_becomes_colours(tmp_path: Path, mode: str) -> None:
    grey = np.full((8, 8), 128, np.uint8)
    grey[:4] = 0
    image = Image.fromarray(grey)
    if mode == "I;16":
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    elif mode in ("LA", "RGBA"):
        image = image.convert(mode)
        image.putalpha(Image.fromarray(np.where(np.arange(64).reshape(8, 8) % 8 < 4, 255, 0).astype(np.uint8)))
    else:
        image = image.convert(mode)
    path = tmp_path / ("one.tif" if mode == "CMYK" else "one.png")
    image.save(path)
    found = fit_picture(open_picture(path), (8, 8), True)
    assert found.shape == (8, 8, 3)
    assert found[0, 0].max() < 10
    if mode in ("LA", "RGBA"):
        assert found[0, 7].min() == 255  # white paper below what is transparent
    elif mode != "1":
        np.testing.assert_allclose(found[7, 7], 128, atol=2)


def test_what_cannot_be_used_is_named_or_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = write_table(tmp_path, 4)
    whole = (tmp_path / "0_1.png").read_bytes()
    (tmp_path / "0_1.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "0_2.png").unlink()
    with pytest.raises(
        ReadError, match=r"2 of 4 pictures cannot be used: 0.tsv, line 3 \(not readable.*line 4 \(there is"
    ):
        read_pictures(str(table), size=16)
    found = read_pictures(str(table), size=16, broken="skip")
    assert len(found) == 2
    assert any(note.kind == "broken" for note in found.notes)
    monkeypatch.setattr(module, "MOST_PIXELS", 100)
    with pytest.raises(ReadError, match="256 pixels, and at most 100 are read"):
        read_pictures([tmp_path / "0_0.png"], labelled=False)
    with pytest.raises(ReadError, match="holds no pictures"):
        read_pictures(Path(__file__).parent, size=16)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    held = io.BytesIO()
    Image.new("1", (30_000, 20_000)).save(held, "PNG")
    with pytest.raises(ReadError, match="pixels, and at most 50,000,000 are read"):
        open_picture(held.getvalue())


@pytest.mark.parametrize(
    ("data", "how", "error", "said"),
    [
        (np.zeros((3, 8)), {}, SchemaError, r"\[N, H, W\]"),
        ([np.zeros((8, 8, 2), np.uint8)], {"captions": ["a"]}, ReadError, "a picture has shape"),
        ([np.full((8, 8), 9.0)], {"captions": ["a"]}, ReadError, "float64"),
        ([np.zeros((8, 8), np.uint8)] * 2, {"captions": ["a"]}, DataError, "2 pictures and 1 captions"),
        ([np.zeros((8, 8), np.uint8)], {"captions": [" "]}, DataError, "caption of 0 is empty"),
        ([np.zeros((8, 8), np.uint8)], {"captions": ["a"], "size": 4}, ConfigError, "size=4"),
        ([np.zeros((8, 8), np.uint8)], {"captions": ["a"], "broken": "mend"}, ConfigError, "broken="),
    ],
)
def test_what_is_no_picture_is_refused(data: object, how: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        read_pictures(data, **how)  # type: ignore[arg-type]


def test_pictures_keep_their_proportions() -> None:
    found = fit_picture(np.zeros((10, 20), np.uint8), (16, 16), True)
    assert (found[:4] == 255).all()
    assert (found[4:12] == 0).all()
    assert (found[12:] == 255).all()


def test_varied_pictures_are_shifted_and_mirrored() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, 9, 9, 3)).astype(np.uint8)
    still = PictureAugment(shift=0.0, scale=0.0, turn=0.0, colour=0.0)
    np.testing.assert_allclose(vary_pictures(picture, still, rng), picture, atol=1e-3)
    flip = PictureAugment(shift=0.0, scale=0.0, turn=0.0, colour=0.0, flip=True)
    mirrored = vary_pictures(np.repeat(picture, 40, axis=0), flip, rng)
    same = [bool(np.allclose(own, picture[0], atol=1e-3)) for own in mirrored]
    assert 5 < sum(same) < 35
    np.testing.assert_allclose(mirrored[same.index(False)], picture[0, :, ::-1], atol=1e-3)
    colours = vary_pictures(picture, PictureAugment(shift=0.0, scale=0.0, turn=0.0, colour=0.5), rng) / np.maximum(
        picture, 1
    )
    assert np.ptp(colours[0][picture[0] > 0].reshape(-1)) > 0.01
