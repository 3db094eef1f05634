import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ConfigError, SplitError
from tidegate.data import Batches, Split, origins, read, split, windows


def series(*lengths):
    frames = [
        pd.DataFrame(
            {"unique_id": f"s{i}", "ds": pd.date_range("2024-01-01", periods=n, freq="D"), "y": np.arange(n) * 1.0}
        )
        for i, n in enumerate(lengths)
    ]
    return read(pd.concat(frames), check=False, frequency="D")


def naive(table, cut, part, window, horizon):
    """Legal origins by walking over every row, straight from the definition."""
    found = []
    for g in range(len(table.ids)):
        begin, end = table.starts[g], table.starts[g + 1]
        low, high = cut[part][g]
        for o in range(begin, end):
            inputs, targets = range(o - window, o), range(o, o + horizon)
            fits = all(low <= r < high for r in targets) and inputs[0] >= begin
            if part == "train":
                fits = fits and inputs[0] >= low
            if fits:
                found.append(o)
    return found


def test_fractions_counts_and_gap():
    table = series(100)
    cut = split(table, window=5, horizon=2)
    assert {name: rows.tolist() for name, rows in cut.parts.items()} == {
        "train": [[0, 70]],
        "validation": [[70, 80]],
        "test": [[80, 100]],
    }
    cut = split(table, validation=10, test=20, gap=3, window=5, horizon=2)
    assert {name: rows.tolist() for name, rows in cut.parts.items()} == {
        "train": [[0, 64]],
        "validation": [[67, 77]],
        "test": [[80, 100]],
    }
    cut = split(table, validation=0, test=0, window=5, horizon=2)
    assert list(cut.parts) == ["train"]
    cut = split(table, validation=0.1, test=0, window=5, horizon=2)
    assert cut["validation"].tolist() == [[90, 100]]


def test_dates():
    table = series(100, 60)
    cut = split(table, validation="2024-02-10", test="2024-02-20", window=5, horizon=2)
    assert cut["validation"].tolist() == [[40, 50], [140, 150]]
    assert cut["test"].tolist() == [[50, 100], [150, 160]]
    index = pd.date_range("2024-01-01", periods=200, freq="h", tz="Asia/Taipei")
    local = read(pd.DataFrame({"y": np.arange(200.0)}, index=index))
    assert split(local, validation="2024-01-03", test="2024-01-05", window=5, horizon=2)["test"].tolist() == [[96, 200]]
    with pytest.raises(ConfigError, match="is no date"):
        split(table, test="soon", window=5, horizon=2)
    with pytest.raises(SplitError, match="no times"):
        split(read(np.arange(50.0)), test="2024-01-01", window=5, horizon=2)


def test_refusals_name_numbers_and_fix():
    table = series(30)
    with pytest.raises(SplitError, match=r"30 rows, divided into train 19.*20 \+ 5 = 25"):
        split(table, window=20, horizon=5)
    with pytest.raises(SplitError, match=r"validation part.*needs at least horizon = 5"):
        split(table, window=5, horizon=5, validation=3)
    with pytest.raises(SplitError, match=r"window \+ horizon = 40 \+ 5"):
        split(table, window=40, horizon=5)
    with pytest.raises(SplitError, match="train"):
        split(table, validation=0.5, test=0.5, window=2, horizon=1)
    for wrong in (
        {"horizon": 0},
        {"window": 0},
        {"gap": -1},
        {"test": 1.5},
        {"test": -3},
        {"validation": True},
        {"window": 2.5},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            split(table, **{"window": 5, "horizon": 2, **wrong})


def test_short_series_are_reported():
    cut = split(series(100, 4, 100), window=10, horizon=5)
    assert {note.values["part"] for note in cut.notes} == {"train", "validation", "test"}
    assert cut.notes[0].values["first"] == "s1"


SIZES = st.fixed_dictionaries(
    {
        "window": st.integers(1, 8),
        "horizon": st.integers(1, 4),
        "validation": st.sampled_from([0, 3, 0.1, 0.2]),
        "test": st.sampled_from([0, 5, 0.2]),
        "gap": st.integers(0, 3),
    }
)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5), sizes=SIZES, stride=st.integers(1, 4))
def test_origins_follow_the_definition(lengths, sizes, stride):
    window, horizon, gap = sizes["window"], sizes["horizon"], sizes["gap"]
    table = series(*lengths)
    try:
        cut = split(table, **sizes)
    except SplitError:
        return
    for part, rows in cut.parts.items():
        assert (rows[:, 0] <= rows[:, 1]).all()
        expected = naive(table, cut, part, window, horizon)
        assert origins(table, cut, part, window=window, horizon=horizon).tolist() == expected
        thinned = windows(table, cut, part, window=window, horizon=horizon, stride=stride)
        assert thinned.origins(np.arange(len(thinned))).tolist() == thinned.all().tolist()
        assert set(thinned.all()) <= set(expected)
        owner = table.series_of(np.array(expected, dtype=np.int64))
        every = [o for g in range(len(lengths)) for o in np.array(expected, dtype=np.int64)[owner == g][::stride]]
        assert thinned.all().tolist() == every
    names = list(cut.parts)
    for earlier, later in pairwise(names):
        held = cut[later][:, 1] > cut[later][:, 0]
        apart = cut[later][:, 0] - cut[earlier][:, 1]
        whole = cut[earlier][:, 1] > cut[earlier][:, 0]
        assert (apart >= gap)[held & whole].all()


def test_batches_cover_every_window_once_and_repeat():
    table = series(60, 40)
    cut = split(table, window=4, horizon=2)
    legal = windows(table, cut, "train", window=4, horizon=2)
    batches = Batches(legal, 7, seed=3)
    first = [batch.tolist() for batch in batches.epoch(0)]
    assert sorted(o for batch in first for o in batch) == legal.all().tolist()
    assert first == [batch.tolist() for batch in Batches(legal.all(), 7, seed=3).epoch(0)]
    assert first != [batch.tolist() for batch in batches.epoch(1)]
    assert first != [batch.tolist() for batch in Batches(legal, 7, seed=4).epoch(0)]
    assert first[3:] == [batch.tolist() for batch in batches.epoch(0, skip=3)]
    assert len(first) == len(batches)
    assert np.concatenate(list(Batches(legal, 7, shuffle=False))).tolist() == legal.all().tolist()
    assert {len(batch) for batch in Batches(legal, 7, drop_last=True).epoch(0)} == {7}


def test_training_inputs_stay_in_a_part_that_begins_late():
    table = series(50)
    cut = Split({"train": np.array([[20, 50]])})
    assert origins(table, cut, "train", window=10, horizon=5).tolist() == list(range(30, 46))
    cut = Split({"test": np.array([[20, 50]])})
    assert origins(table, cut, "test", window=10, horizon=5).tolist() == list(range(20, 46))


def test_importing_data_brings_no_heavy_library():
    heavy = ("torch", "pandas", "polars", "pyarrow", "narwhals")
    code = f"import sys, tidegate.data; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
