"""Folds of a rolling-origin backtest: where training ends and what is tested after it."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.core.errors import ConfigError, SplitError


@dataclass(frozen=True)
class Fold:
    """Places on the clock that all series share: half-open ranges, in steps.

    Attributes:
        index: from 0, oldest first.
        train: what may be learned from. test: what is forecast; it begins `gap` steps after training ends.
    """

    index: int
    train: tuple[int, int]
    test: tuple[int, int]


def make_folds(
    length: int,
    folds: int = 5,
    *,
    test_size: int | None = None,
    step: int | None = None,
    gap: int = 0,
    max_train_size: int | None = None,
) -> tuple[Fold, ...]:
    """Folds that end with the data, oldest first.

    With `step` equal to `test_size` they are those of scikit-learn's TimeSeriesSplit.

    Args:
        length: N, steps on the clock.
        folds: how many.
        test_size: steps that each fold tests; None takes N // (folds + 1).
        step: steps between the beginnings of two test parts; None takes `test_size`, so that every step is tested once.
        gap: steps left out between the end of training and the test.
        max_train_size: steps of the training part, which then slides; None lets it expand from the first step.

    Raises:
        ConfigError: an argument that cannot work.
        SplitError: nothing is left to train the first fold on.
    """
    given = {"folds": folds, "test_size": test_size, "step": step, "max_train_size": max_train_size}
    for name, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise ConfigError(f"{name} is a whole number of at least 1; got {value!r}")
    if isinstance(gap, bool) or not isinstance(gap, int) or gap < 0:
        raise ConfigError(f"gap is a whole number of at least 0; got {gap!r}")
    size = length // (folds + 1) if test_size is None else test_size
    stride = size if step is None else step
    first = length - size - (folds - 1) * stride
    if size < 1 or first - gap < 1:
        raise SplitError(
            f"{folds} folds that test {size} steps, {stride} apart, with a gap of {gap} leave nothing of {length} "
            "steps to train the first one on: ask for fewer folds, or a smaller test_size or step"
        )
    found = []
    for index in range(folds):
        begin = first + index * stride
        end = begin - gap
        start = 0 if max_train_size is None else max(0, end - max_train_size)
        found.append(Fold(index, (start, end), (begin, begin + size)))
    return tuple(found)
