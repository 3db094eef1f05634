"""Streams: equal to whole tables bit for bit, deaf to what comes later, alike alone and in company."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.runtime.detect.detectors import HOUR, make_detector, make_table, with_ends
from tidegate.core.errors import ArtifactError, ConfigError, DataError, TimeError
from tidegate.runtime.detect import streams as detector_streams
from tidegate.runtime.detect.stream import DetectStream
from tidegate.runtime.detect.walk import walk
from tidegate.runtime.state import pack

METHODS = ("forecast", "reconstruction")
FIELDS = ("score", "p_value", "alarm", "event", "channel", "expected")
GROUPS = {"pair": ("c2", "c0"), "alone": ("c1",)}
DETECTORS = {
    (m, c): make_detector(m, c, series=3, **({"groups": GROUPS} if c == 3 else {})) for m in METHODS for c in (1, 2, 3)
}
numbers = st.one_of(st.floats(-3, 3), st.floats(-1e6, 1e6), st.just(float("nan")))


@st.composite
def series(draw: Any) -> tuple[str, int, np.ndarray]:
    channels = draw(st.sampled_from([1, 2, 3]))
    rows = draw(st.lists(st.lists(numbers, min_size=channels, max_size=channels), min_size=3, max_size=40))
    return draw(st.sampled_from(METHODS)), channels, np.array(rows)


def stream_of(detector: Any, names: list[str], *, single: bool = False) -> DetectStream:
    return DetectStream(detector, names, detector.streams(names), single=single)


def feed(stream: DetectStream, values: np.ndarray, first: str = "2026-03-01") -> list[Any]:
    begin = np.datetime64(first, "us")
    return [stream.update(own, time=begin + t * np.timedelta64(1, "h")) for t, own in enumerate(values)]


def same(a: Any, b: Any) -> bool:
    return np.array_equal(np.asarray(a, float), np.asarray(b, float), equal_nan=True)


@settings(deadline=None, max_examples=60)
@given(series())
def test_a_stream_says_what_the_whole_table_says(case: tuple[str, int, np.ndarray]) -> None:
    method, channels, values = case
    detector = DETECTORS[method, channels]
    walked = walk(detector, make_table([values]))
    verdicts = feed(stream_of(detector, ["s0"], single=True), values)
    for name in FIELDS:
        whole = getattr(walked, name)
        whole = np.where(walked.alarm, whole, 0) if name == "event" else whole
        ours = np.array([getattr(verdict, name) for verdict in verdicts]).reshape(whole.shape)
        assert same(ours, whole), name


@settings(deadline=None, max_examples=60)
@given(series(), st.data())
def test_no_verdict_depends_on_what_comes_later(case: tuple[str, int, np.ndarray], data: Any) -> None:
    method, channels, values = case
    cut = data.draw(st.integers(1, len(values)))
    other = values.copy()
    other[cut:] = data.draw(st.floats(-1e9, 1e9))
    detector = DETECTORS[method, channels]
    first, second = (walk(detector, make_table([own])) for own in (values, other))
    for name in (*FIELDS, "p_channels", "p_groups", "errors"):
        assert same(getattr(first, name)[:cut], getattr(second, name)[:cut]), name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_stream_is_the_same_alone_and_among_others(method: str, channels: int) -> None:
    detector, draw = DETECTORS[method, channels], np.random.default_rng(0)
    lengths = draw.integers(1, 60, 9)
    values = [draw.standard_t(2, (n, channels)) for n in lengths]
    values[3][5:8] = np.nan
    together = walk(detector, make_table(values))
    for g, own in enumerate(values):
        alone = walk_as(detector, own, f"s{g}")  # from s3 on not fitted: the scale of all together
        rows = slice(*together.table.rows()[g])
        for name in FIELDS:
            assert same(getattr(together, name)[rows], getattr(alone, name)), (g, name)
        for name, end in together.ends.items():
            assert same(end[g], alone.ends[name][0]), (g, name)


def walk_as(detector: Any, values: np.ndarray, name: str) -> Any:
    return walk(detector, dataclasses.replace(make_table([values]), ids=(name,)))


@pytest.mark.parametrize("cell", ["lstm", "gru", "peephole", "coupled"])
def test_thousands_of_streams_in_one_call_equal_each_by_itself(cell: str) -> None:
    detector = make_detector(cell=cell)
    values = np.random.default_rng(1).normal(size=(8, 2000))
    many = stream_of(detector, [""] * 2000)
    verdicts = feed(many, values)
    for place in (0, 1, 63, 64, 777, 1999):
        one = feed(stream_of(detector, [""], single=True), values[:, place])
        for ours, theirs in zip(one, verdicts, strict=True):
            assert same(ours, [part[place] for part in theirs])


def test_windows_are_rebuilt_in_blocks_of_streams_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = make_detector("reconstruction", channels=2)
    values = np.random.default_rng(1).normal(size=(12, 150, 2))
    values[7, 3:120, 1] = np.nan
    whole = feed(stream_of(detector, [""] * 150), values)
    monkeypatch.setattr(detector_streams, "TOGETHER", 64)  # two full blocks and a part of one
    blocks = feed(stream_of(detector, [""] * 150), values)
    for ours, theirs in zip(blocks, whole, strict=True):
        assert all(same(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_a_snapshot_goes_on_as_if_nothing_had_happened(method: str) -> None:
    detector = DETECTORS[method, 2]
    values = np.random.default_rng(0).normal(size=(40, 3, 2))
    stream = stream_of(detector, ["s0", "s1", "new"])
    feed(stream, values[:17])
    restored = detector.stream(stream.snapshot())
    assert restored.names == stream.names
    for own in values[17:]:
        assert all(same(a, b) for a, b in zip(stream.update(own), restored.update(own), strict=True))
    assert restored.snapshot() == stream.snapshot()


@pytest.mark.parametrize("method", METHODS)
def test_streams_go_on_where_a_table_ended(method: str) -> None:
    detector = DETECTORS[method, 1]
    values = np.random.default_rng(0).normal(size=(50, 3))
    first = walk(detector, make_table(list(values[:30].T)))
    whole = walk(detector, make_table(list(values.T)))
    streams = with_ends(detector, first.ends).continued(["s2", "s0"])
    stream = DetectStream(detector, ["s2", "s0"], streams, single=False)
    p = np.array([stream.update(own).p_value for own in values[30:, [2, 0]]])
    expected = whole.p_value.reshape(3, 50)[[2, 0], 30:].T
    assert same(p, expected)


def test_a_snapshot_of_another_detector_or_a_damaged_one_is_refused() -> None:
    stream = stream_of(DETECTORS["forecast", 1], ["s0"])
    snapshot = stream.snapshot()
    with pytest.raises(ArtifactError, match="another model"):
        make_detector(seed=5).stream(snapshot)
    for damaged in (snapshot[:-7], b"", b"no snapshot", snapshot[:8] + b"x" + snapshot[9:]):
        with pytest.raises(ArtifactError, match="snapshot"):
            DETECTORS["forecast", 1].stream(damaged)


LEAST = np.iinfo(np.int64).min
STATES: dict[str, tuple[str, Any]] = {
    "NaN in the state": ("h", np.nan),
    "a state that no cell gives": ("h", 1.5),
    "infinite cells": ("c", np.inf),
    "an infinite last value": ("value", np.inf),
    "an infinite forecast": ("expected", -np.inf),
    "NaN in the running error": ("short", np.nan),
    "a negative running error": ("short", -1.0),
    "an infinite season": ("ring", np.inf),
    "negative counts": ("counts", -1),
    "counts beyond all errors": ("counts", 1e30),
    "NaN in the sums": ("total", np.nan),
    "negative levels": ("levels", -1.0),
    "a negative age": ("age", LEAST),
    "an age at the end of time": ("age", np.iinfo(np.int64).max),
    "missing less than none": ("missing", -1),
    "quiet since before the start": ("quiet", LEAST),
    "a negative event": ("event", -3),
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_no_stream_can_be_in_is_refused_though_its_checksum_is_right(name: str) -> None:
    detector = DETECTORS["forecast", 1]
    stream = stream_of(detector, ["s0", "s1"])
    feed(stream, np.random.default_rng(0).normal(size=(20, 2)))
    key, value = STATES[name]
    arrays = stream.streams.export()
    if arrays[key].size == 0:
        pytest.skip("this detector keeps none")
    arrays[key].flat[-1] = value
    before = stream.snapshot()
    with pytest.raises(ArtifactError, match=f"snapshot: {key} holds values"):
        stream.restore(pack(detector.fingerprint, {"names": ["s0", "s1"], "single": False}, arrays))
    assert stream.snapshot() == before
    shape = {**stream.streams.export(), key: arrays[key][:1]}
    with pytest.raises(ArtifactError, match=f"snapshot: {key} is"):
        stream.restore(pack(detector.fingerprint, {"names": ["s0", "s1"], "single": False}, shape))


@pytest.mark.parametrize("value", [10**400, 1e308, -1e200])
def test_a_value_beyond_all_measurements_is_refused_in_streams_and_tables(value: Any) -> None:
    detector = DETECTORS["forecast", 1]
    stream = stream_of(detector, ["s0"], single=True)
    with pytest.raises(DataError, match=r"more than 1e\+100|takes numbers"):
        stream.update(value)
    if isinstance(value, float):
        with pytest.raises(DataError, match=r"more than 1e\+100"):
            walk(detector, make_table([np.array([1.0, value, 2.0])]))


def test_the_largest_value_that_is_taken_leaves_the_stream_finite() -> None:
    stream = stream_of(DETECTORS["forecast", 1], ["s0"], single=True)
    for step, value in enumerate((0.0, 1e100, -1e100, 0.0)):
        stream.update(value, time=None if step else "2026-03-01")
    stream.restore(stream.snapshot())


def test_missing_values_are_not_judged_and_a_long_gap_warms_up_again() -> None:
    detector = make_detector(warm_up=4, gap=6)
    values = np.random.default_rng(0).normal(size=40)
    values[12:15] = np.nan  # shorter than the gap
    values[20:27] = np.nan
    walked = walk(detector, make_table([values]))
    judged = ~np.isnan(walked.p_value)
    expected = np.ones(40, bool)
    expected[:4] = expected[12:15] = False
    expected[20:31] = False  # the burst, and four values to warm up
    np.testing.assert_array_equal(judged, expected)
    assert not walked.alarm[~judged].any()
    assert (walked.channel[~judged] == -1).all()


def test_times_that_show_missing_steps_count_as_missing_values() -> None:
    values = np.random.default_rng(0).normal(size=30)
    values[10:14] = np.nan
    detector = make_detector()
    expected = walk(detector, make_table([values])).p_value
    stream = stream_of(detector, [""], single=True)
    stream.streams.offset[:], stream.streams.scale[:] = detector.preparation.offset[0], detector.preparation.scale[0]
    begin = np.datetime64("2026-03-01", "us")
    kept = [t for t in range(30) if not np.isnan(values[t])]
    p = [stream.update(values[t], time=begin + t * np.timedelta64(1, "h")).p_value for t in kept]
    assert same(p, expected[kept])


def test_one_missing_channel_leaves_the_other_to_be_judged() -> None:
    values = np.random.default_rng(0).normal(size=(30, 2))
    values[10:, 1] = np.nan
    walked = walk(DETECTORS["forecast", 2], make_table([values]))
    assert (walked.channel[10:] == 0).all()
    assert np.isnan(walked.p_channels[10:, 1]).all()
    np.testing.assert_allclose(walked.p_value[10:], walked.p_channels[10:, 0])


def test_time_that_goes_backwards_is_refused_and_nothing_changes() -> None:
    stream = stream_of(make_detector(), [""], single=True)
    feed(stream, np.zeros(5))
    before = stream.snapshot()
    for late in ("2026-03-01 04:00", "2026-03-01 03:00"):
        with pytest.raises(TimeError, match="time goes backwards: 2026-03-01T0"):
            stream.update(1.0, time=late)
    assert stream.snapshot() == before
    stream.update(1.0, time="2026-03-01 05:00")


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (np.inf, "is infinite"),
        ("warm", "takes numbers"),
        ([1.0, 2.0], r"shape \[2\]; 1 stream\(s\) of 1 column\(s\) take"),
    ],
)
def test_values_that_cannot_be_are_refused(value: Any, match: str) -> None:
    stream = stream_of(make_detector(), [""], single=True)
    with pytest.raises(DataError, match=match):
        stream.update(value, time="2026-03-01")


def test_a_time_that_is_none_is_refused() -> None:
    stream = stream_of(make_detector(), [""], single=True)
    with pytest.raises(ConfigError, match="reads the clock"):
        stream.update(1.0)
    for wrong in ("yesterday", 17, "NaT"):
        with pytest.raises(TimeError, match="is no time"):
            stream.update(1.0, time=wrong)


def test_without_a_frozen_memory_a_stream_follows_a_change_for_good() -> None:
    draw = np.random.default_rng(0)
    values = np.concatenate([draw.normal(0, 1, 300), draw.normal(0, 200, 300)])
    adapted = walk(make_detector(memory=150), make_table([values]))
    frozen = walk(make_detector(memory=0), make_table([values]))
    assert np.median(adapted.p_value[500:]) > 0.2
    assert np.median(frozen.p_value[500:]) < 1e-3
    assert adapted.event.max() >= 1


def test_hours_are_where_the_preparation_says() -> None:
    assert make_detector().preparation.step == HOUR
