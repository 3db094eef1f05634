"""Frames and skeletons: against Pillow, and cases worked out by hand."""

import av
import numpy as np
import pytest
from PIL import Image

from tidegate.core.errors import ConfigError, MissingExtraError, ReadError, SchemaError
from tidegate.data.sequences import read_sequences
from tidegate.prepare.pictures import shrink


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, size=shape, dtype=np.uint8)


@pytest.mark.parametrize("size", [(8, 8), (6, 4), (12, 16)])
def test_pictures_are_shrunk_as_pillow_shrinks_them(size):
    picture = noise(24, 32, 3)
    found = shrink(picture[None], size, True)[0]
    expected = np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BOX))
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


def test_a_pixel_in_two_new_ones_counts_by_its_share():
    np.testing.assert_array_equal(
        shrink(np.array([[[0, 90, 180]]], dtype=np.uint8), (1, 2), False)[0, 0, :, 0], [30, 150]
    )


def test_grey_is_what_pillow_calls_grey():
    picture = noise(9, 9, 3)
    found = shrink(picture[None], (9, 9), False)[0, :, :, 0]
    expected = np.asarray(Image.fromarray(picture).convert("L"))
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1


def test_arrays_of_clips(tmp_path):
    clips = [noise(3, 4, 5), noise(2, 4, 5, seed=1)]
    sequences = read_sequences(clips, labels=["a", "b"])
    assert (sequences.frame, sequences.values.dtype, sequences.values.shape) == ((4, 5, 1), np.uint8, (5, 20))
    np.testing.assert_array_equal(sequences.values[3:], clips[1].reshape(2, 20))
    assert sequences.channels[6] == "row 1 column 1"
    np.savez(tmp_path / "clips.npz", X=np.concatenate(clips), lengths=[3, 2], y=[1, 0])
    stored = read_sequences(tmp_path / "clips.npz")
    np.testing.assert_array_equal(stored.values, sequences.values)
    assert stored.labels.tolist() == [1, 0]
    assert read_sequences(noise(2, 3, 4, 4, 3)).frame == (4, 4, 3)
    assert read_sequences(noise(2, 3, 4, 4, 3), colour=False, frame=(2, 2)).frame == (2, 2, 1)


def test_clips_of_different_sizes_need_a_frame():
    clips = [noise(3, 4, 5), noise(2, 6, 5)]
    with pytest.raises(SchemaError, match=r"different sizes .*pass frame="):
        read_sequences(clips)
    assert read_sequences(clips, frame=(2, 2)).values.shape == (5, 4)
    for frame in ((0, 2), (2,), 8):
        with pytest.raises(ConfigError, match="frame="):
            read_sequences(clips, frame=frame)
    with pytest.raises(SchemaError, match="clip '1' has shape"):
        read_sequences([noise(3, 4, 5), np.zeros((2, 4, 5))])


@pytest.fixture
def stacks(tmp_path):
    for number, name in enumerate(["jump/clip1", "jump/clip2", "run/clip3"]):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for step in range(number + 1):
            Image.fromarray(noise(16, 16, 3, seed=10 * number + step)).save(folder / f"{step:03}.png")
    return tmp_path


def test_folders_of_pictures(stacks):
    sequences = read_sequences(stacks, frame=(16, 16), colour=True)
    assert sequences.ids == ("jump/clip1", "jump/clip2", "run/clip3")
    assert (sequences.labels.tolist(), sequences.lengths.tolist()) == (["jump", "jump", "run"], [1, 2, 3])
    np.testing.assert_array_equal(sequences.values[2], noise(16, 16, 3, seed=11).reshape(-1))
    assert read_sequences(stacks).frame == (32, 32, 1)
    assert read_sequences(stacks, every=2).lengths.tolist() == [1, 1, 2]


def test_broken_pictures_are_listed_or_their_clip_left_out(stacks):
    (stacks / "run" / "clip3" / "001.png").write_bytes(b"no picture")
    with pytest.raises(ReadError, match=r"1 of 3 clips cannot be used: run/clip3 \(001.png: "):
        read_sequences(stacks)
    sequences = read_sequences(stacks, broken="skip")
    assert (len(sequences), [note.kind for note in sequences.notes]) == (2, ["broken"])


def test_videos(tmp_path):
    (tmp_path / "film").mkdir()
    with av.open(str(tmp_path / "film" / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for step in range(6):
            picture = np.full((48, 64, 3), 40 * step, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    sequences = read_sequences(tmp_path, frame=(4, 4))
    assert (sequences.ids, sequences.labels.tolist(), sequences.rate) == (("film/a",), ["film"], 10.0)
    np.testing.assert_allclose(sequences.values.mean(axis=1), 40.0 * np.arange(6), atol=6)
    assert read_sequences(tmp_path / "film" / "a.mp4", every=3).lengths.tolist() == [2]
    (tmp_path / "film" / "b.mp4").write_bytes(b"no film")
    with pytest.raises(ReadError, match=r"film/b\.mp4"):
        read_sequences(tmp_path)


def test_pictures_need_the_library(stacks, monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtraError, match=r"\[vision\]"):
        read_sequences(stacks)


def test_skeletons_do_not_depend_on_where_and_how_large_the_body_is():
    bodies = [np.random.default_rng(n).normal(size=(length, 5, 2)) for n, length in enumerate((4, 3))]
    found = read_sequences(bodies, labels=["a", "b"])
    moved = read_sequences([3 * body + 7 for body in bodies])
    np.testing.assert_allclose(found.values, moved.values, atol=1e-5)
    assert found.values.shape == (7, 20)
    assert found.channels[:2] == ("joint 0 x", "joint 0 y")
    assert found.channels[10] == "joint 0 x speed"
    assert [note.kind for note in found.notes] == ["normalised"]


def test_a_skeleton_worked_out_by_hand():
    body = np.array([[[0, 0], [2, 0]], [[0, 4], [2, 4]]], dtype=float)
    found = read_sequences([body], root=0, joints=["hip", "head"])
    # distances from the hip are 0 and 2 at both steps, so the body measures 1
    np.testing.assert_allclose(found.values, [[0, 0, 2, 0, 0, 0, 0, 0], [0, 0, 2, 0, 0, 4, 0, 4]])
    assert found.channels[2] == "head x"
    plain = read_sequences([body], normalise=False, velocities=False)
    np.testing.assert_array_equal(plain.values, body.reshape(2, 4))


def test_skeletons_in_a_store_with_joints_that_were_not_seen(tmp_path):
    places = np.random.default_rng(0).normal(size=(5, 3, 3))
    places[1] = np.nan
    places[2, 0] = np.nan
    np.savez(tmp_path / "a.npz", X=places, lengths=[2, 3], label=["p", "q"], joints=["a", "b", "c"])
    found = read_sequences(tmp_path / "a.npz")
    assert (found.lengths.tolist(), found.channels[:3]) == ([2, 3], ("a x", "a y", "a z"))
    assert np.isnan(found.values[1]).all()
    assert np.isfinite(found.values[2, 3:9]).all()


@pytest.mark.parametrize(
    ("data", "how", "error", "match"),
    [
        ([np.zeros((2, 3, 2)), np.zeros((2, 4, 2))], {}, SchemaError, "sequence '1' has shape"),
        ([np.zeros((2, 3, 2))], {"root": 3}, ConfigError, "from 0 to 2"),
        ([np.zeros((2, 3, 2))], {"joints": ["a"]}, SchemaError, "1 names for 3 joints"),
        ([np.zeros((2, 3, 2)), np.zeros((0, 3, 2))], {}, Exception, "no steps"),
        (np.zeros((4, 3, 2)), {"lengths": [1, 2]}, SchemaError, "add up to the 4 steps"),
    ],
    ids=str,
)
def test_odd_skeletons_are_refused(data, how, error, match):
    with pytest.raises(error, match=match):
        read_sequences(data, **how)
