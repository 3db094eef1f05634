"""What a network must be given beside the past, checked alike for torch and numpy, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.spec import NetworkSpec
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

T = TypeVar("T")
S = TypeVar("S")
UNKNOWN = 1  # the token that stands for what training had not; 0 is padding


@dataclass(frozen=True)
class Outputs(Generic[T, S]):
    """What a network predicts for a batch of windows or sequences, in torch (T: a tensor) or numpy (T: an array).

    `values` [B, K, C, O] are in the window's normalised scale; value * scale + loc is in the prepared scale.
    (Of a label they are [B, 1, 1, O] and of a tag [B, T, 1, O], zeros past each row's end; scale is 1 and loc 0.)
    `loc` and `scale` are [B, 1, C]; `attention`, the weights of attention pooling, is [B, S] and `decoder_attention`,
    those of each decoder step, [B, K / segment, S], and `self_attention`, those of each head, [B, heads, S, S], or
    None; independent channels have B * C rows there. `state`, where the network was given one to go on from, is what
    the recurrence ends with: of each layer h (and c) [B, H]. `gate` [B, K] are log-odds that a token is written and not
    copied, of a network that does both.
    """

    values: T
    loc: T
    scale: T
    attention: T | None
    decoder_attention: T | None = None
    self_attention: T | None = None
    state: S | None = None
    gate: T | None = None

    @property
    def parts(self) -> tuple[Any, ...]:
        """All of it, in order."""
        return tuple(vars(self).values())

    def joined(self, each: Sequence[Outputs[T, S]], join: Callable[[Any], Any]) -> Outputs[T, S]:
        """Several, with this one among them, as one, by what joins those of a part."""
        columns = zip(*(one.parts for one in each), strict=True)
        return type(self)(*(None if parts[0] is None else join(parts) for parts in columns))  # type: ignore[arg-type]

    def prepared(self) -> T:
        """[B, K, C, O] in the prepared scale."""
        values, loc, scale = self.parts[:3]
        found: T = values * scale[..., None] + loc[..., None]
        return found


def check_lengths(spec: NetworkSpec, lengths: Any, batch: int, steps: int) -> None:
    """Refuse lengths that a batch of padded rows cannot have.

    Args:
        spec: the network; its lags, its anchor and what its decoder first reads must lie inside every row.
        lengths: [B], of torch or numpy. batch, steps: B and T of the past.

    Raises:
        ConfigError: another number of rows, no whole numbers, or one outside `spec.reach` to T.
    """
    least = spec.reach
    if tuple(lengths.shape) != (batch,) or "int" not in str(lengths.dtype):
        wrong = f"{list(lengths.shape)} of {lengths.dtype}"
    elif bool(((lengths < least) | (lengths > steps)).any()):
        wrong = f"{int(lengths.min())} to {int(lengths.max())}"
    else:
        return
    message = "lengths must be {batch} whole numbers from {least} to {steps}, one for each row; got {wrong}"
    raise ConfigError(tr(message, batch=batch, least=least, steps=steps, wrong=wrong))


def check_tokens(tokens: Any, vocabulary: int) -> None:
    """Refuse tokens [B, T], of torch or numpy, that the vocabulary does not have.

    Raises:
        ConfigError: another shape, no whole numbers, or one outside 0 to `vocabulary` - 1.
    """
    if len(tokens.shape) != 2 or "int" not in str(tokens.dtype):
        wrong = f"{list(tokens.shape)} of {tokens.dtype}"
    elif bool(((tokens < 0) | (tokens >= vocabulary)).any()):
        wrong = f"{int(tokens.min())} to {int(tokens.max())}"
    else:
        return
    message = "this network reads tokens [B, T], whole numbers from 0 to {value}; got {wrong}"
    raise ConfigError(tr(message, value=vocabulary - 1, wrong=wrong))


def pair_rows(before: Any, tokens: Any, pairs: int) -> Any:
    """Row of the table of pairs for tokens and those before them, of torch or numpy, int64.

        row = (40503 before + 2654435761 token) mod pairs

    >>> int(pair_rows(5, 7, 1000))
    842
    """
    return (before * 40503 + tokens * 2654435761) % pairs


def missing_shape(spec: NetworkSpec, name: str, batch: int) -> tuple[int, ...]:
    """Shape of the `future` or `static` inputs that were left out: of no width.

    Raises:
        ConfigError: the network reads some.
    """
    width = spec.future if name == "future" else spec.static
    if width:
        shape = f"[B, {spec.horizon}, {width}]" if name == "future" else f"[B, {width}]"
        raise ConfigError(tr("this network reads {name} inputs: give {name}, {shape}", name=name, shape=shape))
    return (batch, spec.horizon, 0) if name == "future" else (batch, 0)


def lag_rows(window: int, horizon: int, lag: int) -> NDArray[np.int64]:
    """Row of the window that holds the target a whole number of lags before each forecast step.

    Step k (from 0) lies at row T + k; the latest known row that is a multiple of the lag before it is
    T - lag + k mod lag.

    Args:
        window: T. horizon: K. lag: in steps, at most T.

    Returns:
        [K] rows in [0, T).
    """
    return window - lag + np.arange(horizon, dtype=np.int64) % lag


def sinusoids(steps: int, width: int) -> NDArray[np.float32]:
    """What is added to step s of a sequence so that a layer without order can tell where it stands.

        p[s, 2i] = sin(s / 10000^(2i / D))        p[s, 2i + 1] = cos(s / 10000^(2i / D))

    Args:
        steps: S. width: D.

    Returns:
        [S, D].

    Source: Vaswani et al. (2017), arXiv:1706.03762, section 3.5.
    """
    rates = 10_000.0 ** (-(np.arange(width) // 2 * 2) / width)
    angles = np.arange(steps)[:, None] * rates
    return np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles)).astype(np.float32)
