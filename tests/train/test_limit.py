"""A training within a limit is laid out for the time that is left."""

import time

import torch

from tests.train.toy import OPTIONS, Judge, Sample, loss, network
from tidegate.core import limit
from tidegate.train.loop import train
from tidegate.train.options import TrainOptions


class Slow(Judge):
    """A validation that takes its time."""

    def __call__(self, net: torch.nn.Module) -> float:
        time.sleep(0.05)
        return super().__call__(net)


def test_epochs_are_shortened_to_the_time_and_the_rate_falls_over_them() -> None:
    options = TrainOptions(**{**OPTIONS, "max_epochs": 10_000, "patience": 0, "schedule": "cosine"})
    with limit.within(1.0):
        history = train(network(), Sample(), loss, Slow(), options)
    assert history.stopped == "time"
    assert 1 <= len(history) < 100
    assert len(history) == 1 or history.epochs[-1].learning_rate < options.learning_rate


def test_without_a_limit_nothing_changes() -> None:
    options = TrainOptions(**{**OPTIONS, "max_epochs": 3, "patience": 0})
    assert train(network(), Sample(), loss, Judge(), options).stopped == "max_epochs"
    with limit.within(1_000):
        assert train(network(), Sample(), loss, Judge(), options).stopped == "max_epochs"


def test_inner_limits_end_no_later_than_outer_ones() -> None:
    with limit.within(5):
        with limit.within(100):
            assert limit.left() < 5.01
        with limit.within(1):
            assert limit.left() < 1.01
        assert limit.left() > 3
