"""What models that search for texts share: a text that was found, how it is searched for, many at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.artifact import Artifact
from tidegate.core.errors import ArtifactError, ConfigError
from tidegate.kernels.library import on_threads, threads
from tidegate.prepare.sides import Side
from tidegate.runtime.text.beam import Beam, unbarred


def decoding_of(artifact: Artifact, sides: set[str]) -> tuple[Beam, int]:
    """How an artifact's model searches, and the most tokens of a text.

    Args:
        artifact: of a model that writes. sides: what its preparation must have.

    Raises:
        ArtifactError: its parts do not fit.
    """
    decoding = artifact.record.decoding
    if set(artifact.preparation) != sides or set(decoding) != {"search", "longest"}:
        raise ArtifactError(f"model.json, preparation.json: expected {', '.join(sorted(sides))}, search and longest")
    longest, options = decoding["longest"], decoding["search"]
    if not isinstance(longest, int) or isinstance(longest, bool) or longest < 1 or not isinstance(options, dict):
        raise ArtifactError("model.json: decoding: longest is a whole number from 1, search a mapping")
    try:
        return Beam().changed(options), longest
    except ConfigError as error:
        raise ArtifactError(f"model.json: decoding: search: {error}") from error


def barred_by(allowed: Sequence[str] | None, target: Side) -> NDArray[np.bool_] | None:
    """[V] the tokens that may not be written, where only those of some words or texts may."""
    if allowed is None:
        return None
    numbers = {int(number) for text in allowed for number in target.encode(target.cut(text))}
    return unbarred(sorted(numbers), len(target))


def on_all(chunks: Sequence[Any], write: Callable[[Any], None]) -> None:
    """Call a function on chunks, on as many threads as there are, each alone with its own products."""

    def one(chunk: Any) -> None:
        with on_threads(1):
            write(chunk)

    count = min(threads(), len(chunks), os.cpu_count() or 1)
    if count < 2:
        for chunk in chunks:
            one(chunk)
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(count) as pool:
        list(pool.map(one, chunks))
