"""Draws follow the probabilities, and filters leave what they say."""

import numpy as np
import pytest
from scipy import stats

from tidegate.core.errors import ConfigError
from tidegate.runtime.language.sampling import LOW, Draws, Sampling, kept, penalised, probabilities

P = np.array([0.4, 0.3, 0.2, 0.06, 0.04], np.float32)
SCORES = np.log(P)[None]


def left(**options: float) -> list[int]:
    return np.flatnonzero(kept(SCORES, Sampling(temperature=1.0, **options))[0] > LOW / 2).tolist()  # type: ignore[arg-type]


def test_filters_leave_the_likeliest() -> None:
    assert left(top_k=2) == [0, 1]
    assert left(top_k=9) == [0, 1, 2, 3, 4]
    assert left(top_p=0.4) == [0]
    assert left(top_p=0.69) == [0, 1]
    assert left(top_p=0.71) == [0, 1, 2]
    assert left(min_p=0.14) == [0, 1, 2, 3]
    assert left(min_p=0.16) == [0, 1, 2]
    assert left(top_k=3, top_p=0.5) == [0, 1]  # of the three that top_k leaves, the first has 0.44


def test_a_temperature_sharpens() -> None:
    found = probabilities(kept(SCORES, Sampling(temperature=0.5)))
    np.testing.assert_allclose(found[0], P**2 / (P**2).sum(), rtol=1e-5)


def test_tokens_that_were_just_written_are_penalised() -> None:
    scores = np.array([[2.0, -1.0, 3.0], [2.0, -1.0, 3.0]], np.float32)
    found = penalised(scores, [[0, 1], [2, 2, 0]], Sampling(repetition_penalty=2.0, memory=2))
    np.testing.assert_allclose(found, [[1.0, -2.0, 3.0], [1.0, -1.0, 1.5]])


def test_draws_follow_the_probabilities_and_do_not_depend_on_other_streams() -> None:
    three, one = Draws(5, 3, 5), Draws(5, 1, 5)
    scores = np.repeat(SCORES, 3, axis=0)
    many = np.stack([three.choose(scores, np.float32(1)) for _ in range(20_000)])
    alone = np.concatenate([one.choose(SCORES, np.float32(1)) for _ in range(20_000)])
    np.testing.assert_array_equal(many[:, 0], alone)
    for stream in range(3):
        counts = np.bincount(many[:, stream], minlength=5)
        assert stats.chisquare(counts, 20_000 * P / P.sum()).pvalue > 1e-3
    assert (many[:, 0] != many[:, 1]).any()


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"top_k": -1}, {"top_p": 0}, {"min_p": 2}, {"repetition_penalty": 0}, {"seed": 0.5}]
)
def test_values_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Sampling(**wrong)  # type: ignore[arg-type]
