"""Operating conditions: found where there are some, undone exactly, and left alone where there are none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tidegate.core.errors import ArtifactError, ConfigError, DataError
from tidegate.core.sequences import Sequences
from tidegate.prepare.conditions import Conditions
from tidegate.prepare.sequence.preparation import SequenceOptions, SequencePreparation

LEVELS = ((0.0, 10.0, 42.0), (0.25, 0.62))  # of two settings that change independently


def flights(
    count: int = 12, length: int = 80, seed: int = 0, *, setting_noise: float = 0.002
) -> tuple[Sequences, np.ndarray]:
    """Engines whose sensors follow the settings a hundred times as much as their own wear, and that wear."""
    rng = np.random.default_rng(seed)
    steps = count * length
    codes = [rng.integers(0, len(own), steps) for own in LEVELS]
    settings = np.stack([np.array(own)[code] for own, code in zip(LEVELS, codes, strict=True)], axis=1)
    wear = np.tile(np.linspace(0, 1, length), count)
    joint = codes[0] * 2 + codes[1]
    level, stretch = rng.normal(500, 100, (6, 3)), rng.uniform(0.5, 2, (6, 3))
    sensors = level[joint] + stretch[joint] * (np.outer(wear, [1, -1, 2]) + rng.normal(0, 0.1, (steps, 3)))
    fixed = np.array([518.67, 489.05, 445.0])[codes[0]]
    noise = rng.normal(0, setting_noise, settings.shape) * [1, 0.1]
    values = np.column_stack([settings + noise, sensors, fixed, rng.normal(size=steps)])
    names = ("altitude", "speed", "s1", "s2", "s3", "inlet", "free")
    starts = length * np.arange(count + 1)
    return Sequences(tuple(map(str, range(count))), starts, values, names), wear


def test_wear_is_what_is_left_of_a_sensor_under_its_condition() -> None:
    sequences, wear = flights()
    every = np.arange(len(sequences))
    found = SequencePreparation.fit(sequences, every)
    assert found.conditions is not None
    assert set(found.conditions.names) == {"altitude", "speed"} or set(found.conditions.names) == {"inlet", "speed"}
    assert len(found.conditions.table) == 6
    values = found.apply(sequences).values
    plain = SequencePreparation.fit(sequences, every, SequenceOptions(conditions=None)).apply(sequences).values
    for place, sign in ((2, 1), (3, -1), (4, 1)):
        assert sign * np.corrcoef(values[:, place], wear)[0, 1] > 0.9
        assert abs(np.corrcoef(plain[:, place], wear)[0, 1]) < 0.2
    assert any(note.kind == "conditions" for note in found.notes)


def test_each_condition_has_mean_zero_and_deviation_one() -> None:
    sequences, _ = flights()
    preparation = SequencePreparation.fit(sequences, np.arange(8), SequenceOptions(conditions=("altitude", "speed")))
    assert preparation.conditions is not None
    values, strange = preparation.conditions.apply(sequences.values, sequences.channels)
    assert strange == 0
    codes = preparation.conditions.codes([sequences.values[:, 0], sequences.values[:, 1]])
    train = np.arange(len(values)) < sequences.starts[8]
    for code in range(6):
        own, raw = values[train & (codes == code)], sequences.values[train & (codes == code)]
        np.testing.assert_allclose(
            own[:, 2:5], (raw[:, 2:5] - raw[:, 2:5].mean(axis=0)) / raw[:, 2:5].std(axis=0), atol=1e-9
        )
        assert not own[:, 5].any()  # fixed by the condition: nothing is left, rounding neither
    np.testing.assert_array_equal(values[:, :2], sequences.values[:, :2])


def test_nothing_outside_the_training_part_is_measured() -> None:
    sequences, _ = flights()
    other = replace(sequences, values=sequences.values.copy())
    other.values[sequences.starts[8] :] *= 3
    first, second = (SequencePreparation.fit(own, np.arange(8)) for own in (sequences, other))
    assert first.conditions == second.conditions
    assert first.conditions is not None


def test_a_condition_that_training_never_had_is_told() -> None:
    sequences, _ = flights()
    preparation = SequencePreparation.fit(sequences, np.arange(12), SequenceOptions(conditions=("altitude", "speed")))
    fresh = replace(sequences, values=sequences.values.copy())
    fresh.values[:5, 0] = 99.0
    fresh.values[5, 1] = np.nan
    prepared = preparation.apply(fresh)
    assert [note.values["count"] for note in prepared.notes if note.kind == "conditions"] == [6]
    assert np.isfinite(prepared.values).all()


@pytest.mark.parametrize("kind", ["weak", "fixed", "smooth", "none"])
def test_what_is_no_operating_condition_is_left_alone(kind: str) -> None:
    sequences, _ = flights()
    values, rng = sequences.values.copy(), np.random.default_rng(1)
    if kind == "weak":  # a switch that moves the sensors less than they move themselves
        values[:, 2:5] = rng.normal(size=(len(values), 3)) + 0.5 * (values[:, [0]] > 5)
        values[:, 5] = rng.normal(size=len(values))
    if kind == "fixed":  # a kind of engine, the same through each of its sequences
        values[:, :2] = np.repeat(rng.integers(0, 2, (12, 2)), 80, axis=0)
        values[:, 2:6] = values[:, [0]] * 100 + rng.normal(size=(len(values), 4))
    if kind == "smooth":  # no levels
        values[:, :2] = rng.uniform(0, 42, (len(values), 2))
        values[:, 2:6] = values[:, [0]] * 100 + rng.normal(size=(len(values), 4))
    if kind == "none":
        values = rng.normal(size=values.shape)
    assert SequencePreparation.fit(replace(sequences, values=values), np.arange(12)).conditions is None


def test_it_is_written_and_read_and_what_is_bent_is_refused() -> None:
    sequences, _ = flights()
    preparation = SequencePreparation.fit(sequences, np.arange(12))
    document = json.loads(json.dumps(preparation.to_json()))
    again = SequencePreparation.from_json(document)
    assert again == preparation
    np.testing.assert_array_equal(again.apply(sequences).values, preparation.apply(sequences).values)
    for name, value in (("table", [[0, 9]]), ("levels", [[1.0, 0.0]]), ("factor", [[1.0]]), ("names", ["x"])):
        bent = {**document, "conditions": {**document["conditions"], name: value}}
        with pytest.raises(ArtifactError, match="conditions"):
            SequencePreparation.from_json(bent)


@pytest.mark.parametrize(
    ("asked", "match"),
    [(("speeds",), "no channel 'speeds'"), (("free",), "no few levels"), ((), "neither"), ("all", "auto")],
)
def test_channels_that_tell_no_condition_are_refused(asked: object, match: str) -> None:
    sequences, _ = flights()
    with pytest.raises(ConfigError, match=match):
        SequencePreparation.fit(sequences, np.arange(12), SequenceOptions(conditions=asked))  # type: ignore[arg-type]


def test_conditions_of_a_few_steps_each_are_refused_by_name_and_not_looked_for() -> None:
    sequences, _ = flights(1, 70)
    few = replace(sequences, values=sequences.values.copy())
    few.values[:, 0] = np.arange(70) % 10 * 5.0
    with pytest.raises(ConfigError, match="none has 30 training steps"):
        SequencePreparation.fit(few, np.arange(1), SequenceOptions(conditions=("altitude",)))
    assert SequencePreparation.fit(few, np.arange(1)).apply(few).values.shape == (70, 7)


def test_an_infinite_value_is_refused_under_a_condition_too() -> None:
    sequences, _ = flights()
    preparation = SequencePreparation.fit(sequences, np.arange(12), SequenceOptions(conditions=("altitude", "speed")))
    for channel in (2, 5):  # one that moves under its condition, one that is fixed by it
        broken = replace(sequences, values=sequences.values.copy())
        broken.values[4, channel] = np.inf
        with pytest.raises(DataError, match="infinite"):
            preparation.apply(broken)


def test_many_channels_that_tell_a_condition_are_kept_apart() -> None:
    """Twenty settings of twenty levels: their number as one number would be above 2**63."""
    levels = tuple(float(k) for k in range(20))
    rows = tuple(tuple((place * step) % 20 for place in range(20)) for step in (1, 3, 7))
    made = Conditions(tuple("abcdefghijklmnopqrst"), (), (levels,) * 20, rows, (), ())
    steps = np.array([rows[2], rows[0], rows[1], [*rows[1][:-1], 0], rows[2]], np.float64)
    assert made.codes(list(steps.T)).tolist() == [2, 0, 1, 3, 2]
