"""Folders of sound: files written by the standard library and by SciPy, and what is wrong with files."""

import struct
import wave

import numpy as np
import pytest
import soundfile
from scipy.io import wavfile

from tidegate.core.errors import ConfigError, DataError, MissingExtraError, ReadError
from tidegate.data.sequences import read_sequences
from tidegate.data.sources.media.sound import read_wav
from tidegate.prepare.sequence.mel import log_mel, resample

RATE = 8000


def noise(count=1200, seed=0):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, size=count)


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, np.rint(samples * 32767).astype(np.int16))


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["yes/ann_0", "yes/bob_0", "no/ann_0"]):
        write(tmp_path / f"{name}.wav", noise(1200 + 80 * number, number))
    return tmp_path


def test_a_folder_a_label(folder):
    sequences = read_sequences(folder)
    assert sequences.ids == ("no/ann_0", "yes/ann_0", "yes/bob_0")
    assert sequences.labels.tolist() == ["no", "yes", "yes"]
    assert (sequences.rate, sequences.lengths.tolist()) == (100.0, [15, 13, 14])
    rate, samples = wavfile.read(folder / "yes/bob_0.wav")
    np.testing.assert_allclose(
        sequences.values[28:], log_mel(samples.astype(np.float32) / 32768, rate), atol=1e-5, rtol=1e-5
    )
    assert sequences.channels[0].endswith(" Hz")
    assert [note.kind for note in sequences.notes] == ["sound"]
    assert sequences.notes[0].values["rate"] == 8000


def test_a_pattern_gives_labels_and_groups(folder):
    sequences = read_sequences(folder, pattern=r"(?P<label>\w+)/(?P<group>[a-z]+)_\d")
    assert sequences.labels.tolist() == ["no", "yes", "yes"]
    assert sequences.groups.tolist() == ["ann", "ann", "bob"]
    for pattern, error, match in (
        (r"(?P<label>yes)", ReadError, "1 names do not match .*no/ann_0.wav"),
        (r"(?P<speaker>\w+)_", ConfigError, "a part named speaker"),
        (r"\w+", ConfigError, "no named part"),
        (r"(", ConfigError, "no regular expression"),
    ):
        with pytest.raises(error, match=match):
            read_sequences(folder, pattern=pattern)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_codings_equal_what_scipy_reads(tmp_path, kind):
    samples = noise()
    whole = {np.uint8: samples * 127 + 128, np.int16: samples * 32767, np.int32: samples * (2**31 - 1)}
    wavfile.write(tmp_path / "a.wav", RATE, whole.get(kind, samples).astype(kind))
    found, rate = read_wav((tmp_path / "a.wav").read_bytes())
    assert rate == RATE
    np.testing.assert_allclose(found[:, 0], samples, atol=0.02 if kind is np.uint8 else 1e-4)
    reference, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_allclose(found[:, 0], reference, atol=1e-7)


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_16"])
def test_several_channels_and_the_extensible_form(tmp_path, subtype):
    stereo = np.stack([noise(seed=1), noise(seed=2)], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE, subtype=subtype, format="WAVEX")
    found, _ = read_wav((tmp_path / "a.wav").read_bytes())
    reference, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_allclose(found, reference, atol=1e-7)
    mixed = read_sequences(tmp_path / "a.wav")
    np.testing.assert_allclose(mixed.values, log_mel(reference.mean(axis=1), RATE), atol=1e-4)


def test_the_standard_librarys_files_and_a_chunk_before_the_samples(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.array([0, 16384, -32768], dtype="<i2").tobytes())
    content = (tmp_path / "a.wav").read_bytes()
    assert read_wav(content)[0][:, 0].tolist() == [0, 0.5, -1]
    listed = content[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + content[12:]
    assert read_wav(listed)[0][:, 0].tolist() == [0, 0.5, -1]


def test_other_formats_need_soundfile(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.flac", noise(), RATE)
    assert read_sequences(tmp_path).lengths.tolist() == [13]

    def absent(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtraError, match=r"read .flac files .*\[audio\]"):
        read_sequences(tmp_path)


def test_broken_files_are_listed_or_left_out(folder):
    (folder / "no" / "empty.wav").write_bytes(b"")
    (folder / "no" / "text.wav").write_bytes(b"this is no sound at all")
    content = (folder / "no" / "ann_0.wav").read_bytes()
    (folder / "no" / "cut.wav").write_bytes(content[:500])
    (folder / "no" / "none.wav").write_bytes(content[:40] + struct.pack("<I", 0))
    (folder / "no" / "mulaw.wav").write_bytes(content[:20] + struct.pack("<H", 7) + content[22:])
    (folder / "no" / "flac.flac").write_bytes(b"fLaC and nothing")
    with pytest.raises(ReadError, match="6 of 9 sound files cannot be used") as caught:
        read_sequences(folder)
    for what in ("no/empty.wav (empty file)", "text.wav (no WAV file)", "cut.wav (cut short", "none.wav (no samples)"):
        assert what in str(caught.value)
    assert "mulaw.wav (coding 7 of 16 bits" in str(caught.value)
    sequences = read_sequences(folder, broken="skip")
    assert len(sequences) == 3
    assert [(note.kind, note.values["count"]) for note in sequences.notes] == [("broken", 6), ("sound", len(sequences))]


def test_mixed_rates_are_refused_or_brought_to_one(folder):
    write(folder / "no" / "fast.wav", noise(2400), 16000)
    with pytest.raises(DataError, match=r"3 at 8000 Hz, 1 at 16000 Hz, such as no/fast .*pass rate=8000"):
        read_sequences(folder)
    sequences = read_sequences(folder, rate=8000)
    assert [(note.kind, note.values) for note in sequences.notes if note.kind != "sound"] == [
        ("resampled", {"count": 1, "rates": "16000", "rate": 8000})
    ]
    _, samples = wavfile.read(folder / "no" / "fast.wav")
    expected = log_mel(resample(samples.astype(np.float32) / 32768, 16000, 8000), 8000)
    place = sequences.ids.index("no/fast")
    np.testing.assert_allclose(sequences.take(np.array([place])).values, expected, atol=1e-4)


def test_silent_and_short_files_are_told(tmp_path):
    write(tmp_path / "a" / "silent.wav", np.zeros(1200))
    write(tmp_path / "a" / "short.wav", noise(50))
    notes = {n.kind: n.values["files"] for n in read_sequences(tmp_path).notes if n.kind != "sound"}
    assert notes == {"silent": "a/silent", "short": "a/short"}


def test_files_without_labels_are_told(tmp_path):
    write(tmp_path / "one.wav", noise())
    sequences = read_sequences(tmp_path)
    assert (sequences.labels, sequences.ids) == (None, ("one",))
    assert [note.kind for note in sequences.notes] == ["unlabelled", "sound"]


@pytest.mark.parametrize(
    ("how", "match"),
    [({"rate": 8000.5}, "rate="), ({"mels": 0}, "mels="), ({"window": 25}, "window="), ({"broken": "keep"}, "broken=")],
    ids=str,
)
def test_impossible_options_are_refused(folder, how, match):
    with pytest.raises(ConfigError, match=match):
        read_sequences(folder, **how)


def test_a_folder_without_sound_is_refused(tmp_path):
    with pytest.raises(ReadError, match="holds no sound files"):
        read_sequences(tmp_path)
    with pytest.raises(ReadError, match=r"1 of 1 sound file cannot be used: absent\.wav"):
        read_sequences(tmp_path / "absent.wav")
