"""Log-mel features against SciPy's spectrogram and filters worked out by hand; resampling against SciPy's."""

from math import gcd

import numpy as np
import pytest
import torch
from scipy.signal import get_window, resample_poly, spectrogram

from tidegate.prepare.sequence.mel import _taps, centres, filters, from_mel, log_mel, resample, to_mel


def noise(count, seed=0):
    return np.random.default_rng(seed).normal(scale=0.1, size=count).astype(np.float32)


def test_mel_is_what_its_formula_says():
    assert to_mel(1000.0) == pytest.approx(999.9855, abs=1e-4)
    assert to_mel(0.0) == 0
    np.testing.assert_allclose(from_mel(to_mel(np.array([20.0, 440, 7999]))), [20, 440, 7999])


def triangle(frequency, left, middle, right):
    if left < frequency <= middle:
        return (frequency - left) / (middle - left)
    if middle < frequency < right:
        return (right - frequency) / (right - middle)
    return 0.0


@pytest.mark.parametrize(("mels", "rate", "size"), [(40, 8000, 256), (26, 16000, 512), (8, 22050, 1024)])
def test_filters_are_triangles_between_their_neighbours(mels, rate, size):
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = [700 * (10 ** (top * i / (mels + 1) / 2595) - 1) for i in range(mels + 2)]
    expected = [[triangle(k * rate / size, *edges[m : m + 3]) for m in range(mels)] for k in range(size // 2 + 1)]
    np.testing.assert_allclose(filters(mels, rate, size), expected, atol=1e-12)
    np.testing.assert_allclose(centres(mels, rate), edges[1:-1])


@pytest.mark.parametrize("rate", [8000, 16000])
def test_features_equal_those_of_scipys_spectrogram(rate):
    wave = noise(rate // 2)
    width, hop, size = rate // 40, rate // 100, 256 if rate == 8000 else 512
    _, _, power = spectrogram(
        wave.astype(np.float64),
        window=get_window("hann", width),
        noverlap=width - hop,
        nfft=size,
        detrend=False,
        scaling="spectrum",
        mode="complex",
    )
    power = np.abs(power * get_window("hann", width).sum()) ** 2
    expected = np.log(np.maximum(power.T @ filters(40, rate, size), 1e-10))
    found = log_mel(wave, rate)
    assert found.shape == (1 + (len(wave) - width) // hop, 40)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_features_equal_those_of_torchs_transform():
    wave = noise(5000)
    window = torch.nn.functional.pad(torch.hann_window(200, periodic=True), (0, 56))
    padded = torch.nn.functional.pad(torch.from_numpy(wave), (0, 56))
    spectrum = torch.stft(padded, 256, 80, 256, window, center=False, return_complex=True)
    power = (spectrum.abs() ** 2).numpy().T
    np.testing.assert_allclose(log_mel(wave, 8000), np.log(power @ filters(40, 8000, 256)), atol=1e-3)


def test_a_tone_is_loudest_in_its_own_band():
    wave = np.sin(2 * np.pi * 1000 * np.arange(8000) / 16000).astype(np.float32)
    loudest = log_mel(wave, 16000).mean(axis=0).argmax()
    assert abs(centres(40, 16000)[loudest] - 1000) < 50


def test_silence_and_short_sounds():
    np.testing.assert_allclose(log_mel(np.zeros(400), 8000), np.log(1e-10), rtol=1e-6)
    assert log_mel(noise(10), 8000).shape == (1, 40)
    assert np.isfinite(log_mel(noise(300), 8000, mels=128)).all()


@pytest.mark.parametrize(
    ("rate", "wanted"), [(8000, 16000), (16000, 8000), (44100, 16000), (22050, 8000), (48000, 44100), (8000, 12000)]
)
def test_resampling_equals_scipys_polyphase_filter(rate, wanted):
    wave = noise(3001)
    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    expected = resample_poly(wave.astype(np.float64), up, down, window=_taps(up, down) / up)
    found = resample(wave, rate, wanted)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 16000), (16000, 8000), (44100, 16000), (16000, 44100)])
def test_a_tone_stays_the_same_tone(rate, wanted):
    def tone(at, seconds=0.5):
        return np.sin(2 * np.pi * 440 * np.arange(int(at * seconds)) / at)

    found, inner = resample(tone(rate), rate, wanted), slice(wanted // 20, -wanted // 20)
    np.testing.assert_allclose(found[inner], tone(wanted)[: len(found)][inner], atol=2e-3)


def test_what_the_lower_rate_cannot_hold_is_taken_out_and_the_rest_stays():
    def tone(frequency, rate):
        return np.sin(2 * np.pi * frequency * np.arange(rate) / rate)

    for frequency in (4800, 6000):
        assert np.abs(resample(tone(frequency, 16000), 16000, 8000)[500:-500]).max() < 1e-3
    np.testing.assert_allclose(
        resample(tone(3500, 16000), 16000, 8000)[500:-500], tone(3500, 8000)[500:-500], atol=0.01
    )


def test_the_same_rate_changes_nothing():
    wave = noise(50)
    np.testing.assert_array_equal(resample(wave, 8000, 8000), wave)
