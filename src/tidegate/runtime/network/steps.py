"""Steps: a network that advances one step at a time, its state carried over, instead of walking a window anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.inputs import check_tokens
from tidegate.artifacts.shapes import raw_static
from tidegate.artifacts.spec import NetworkSpec, Recurrent
from tidegate.core.checks import whole
from tidegate.core.errors import ConfigError, DataError
from tidegate.core.translate import tr
from tidegate.runtime.network.cells import State, zeros_of
from tidegate.runtime.network.flow import Array, Flow
from tidegate.runtime.network.layers import LAYERS
from tidegate.runtime.network.recurrent import Loaded, run_stack
from tidegate.runtime.state import MOST_STEPS, Expected, check_state

CARRIED = ("tokens", "embed", "recurrent", "batch_norm", "pool", "dropout", "head", "label", "tag", "ctc", "next")


def check_stream(spec: NetworkSpec) -> None:
    """Refuse a network whose next output needs more than its state and the next step.

    Raises:
        ConfigError: saying which layer or option, and what to take instead.
    """
    kinds = [layer.kind for layer in spec.layers]
    reason = None
    others = [kind for kind in kinds if kind not in CARRIED]
    if spec.members > 1:
        reason = f"it is an ensemble of {spec.members} members: make a stream of each, or fit with members=1"
    elif others:
        reason = f"{others[0]} looks at a whole window, or at several steps of it: leave it out"
    elif "tokens" in kinds and spec.find("tokens").pairs:
        reason = "pairs look at the token before: take 0"
    elif "label" in kinds and spec.find("label").bag:
        reason = "a bag of words looks at the whole text: take bag=False"
    elif spec.find("recurrent").bidirectional:
        reason = "a stream has no future: bidirectional must be False"
    elif "pool" in kinds and spec.find("pool").by not in ("last", "ends"):
        reason = f"pooling by {spec.find('pool').by!r} looks at all steps: take 'last'"
    elif spec.horizon > 1:
        reason = f"horizon is {spec.horizon}: a stream looks one step ahead"
    elif "head" in kinds and spec.find("head").lags:
        reason = f"lags {list(spec.find('head').lags)} look back into a window: leave them out"
    elif spec.anchor > 1:
        reason = f"anchor {spec.anchor} looks back into a window: take 0 or 1"
    elif spec.channels == "independent":
        reason = "independent channels run once for each target: make a stream of each"
    if reason is not None:
        raise ConfigError(tr("this network cannot be streamed: {reason}", reason=reason))


class Steps:
    """Several streams that one network advances together, each by one step a call whatever came before.

    After n steps the output is that of `run_network` for the n steps as one window, bit for bit on the native engine
    (without it, but for rounding), and it does not depend on how many streams there are beside.

    Args:
        spec: unidirectional, without layers that look at several steps; a horizon of 1, a label, a tag, ctc or next.
        weights: its tensors by name, float32.
        streams: S.
        static: [S, static inputs]; None where the network reads none.

    Attributes:
        spec: as given. streams: S. steps: [S] int64, steps taken since each stream began.

    Raises:
        ConfigError: a network that cannot be streamed, or static inputs of another shape.
    """

    def __init__(
        self, spec: NetworkSpec, weights: Mapping[str, Array], streams: int = 1, static: Array | None = None
    ) -> None:
        check_stream(spec)
        whole("streams", streams, 1)
        self.spec, self.streams = spec, streams
        self.steps = np.zeros(streams, dtype=np.int64)
        self._weights = weights if isinstance(weights, Loaded) else Loaded(weights)
        shape = (streams, raw_static(spec))
        self._static = np.zeros(shape, np.float32) if static is None else np.asarray(static, np.float32)
        if self._static.shape != shape or (static is None and shape[1]):
            raise ConfigError(tr("this network reads static inputs {shown}; give static", shown=list(shape)))
        self._tokens = spec.find("tokens")
        self._layer: Recurrent = spec.find("recurrent")
        places = [(f"layers.{index}", layer) for index, layer in enumerate(spec.layers)]
        self._at = next(at for at, layer in places if layer is self._layer) + ".rnn"
        self._layers = [(at, layer, LAYERS[layer.kind]) for at, layer in places]
        packed = self._weights.packed(self._layer, self._at)
        self._stepper = None if packed is None else packed.stepper(streams)
        if self._stepper is None:
            levels = [zeros_of(self._layer, streams)] * self._layer.num_layers
            self._state: tuple[Array, ...] = tuple(map(np.stack, zip(*levels, strict=True)))
        else:
            self._state = (self._stepper.h, self._stepper.c)[: 2 if self._layer.cell_size else 1]

    def step(self, x: NDArray[Any], future: Array | None = None) -> Array:
        """Advance every stream by one step.

        Args:
            x: [S, I] float32; tokens [S] whole numbers. future: [S, F] known-ahead inputs of the step ahead.

        Returns:
            [S, O], outputs after the step; [S, C * O] with O fastest of a head for C targets.

        Raises:
            ConfigError: another shape. DataError: a value that is not finite. The streams then are as before.
        """
        x, ahead = self._read(x), self._ahead(future)
        empty = np.empty((self.streams, 1, 0), np.float32)
        flow = Flow(empty if x.ndim == 2 else x[:, :, : self.spec.targets], x, ahead, self._static)
        with np.errstate(invalid="ignore"):
            for at, layer, function in self._layers:
                if layer is self._layer:
                    flow.sequence = self._advance(flow.sequence)
                else:
                    function(self.spec, layer, self._weights, at, flow)  # type: ignore[operator]
        self.steps += 1
        assert flow.output is not None
        output = flow.output[:, 0]
        if self.spec.anchor:
            values = output.reshape(self.streams, self.spec.targets, -1) + flow.targets[:, 0, :, None]
            output = values.reshape(self.streams, -1)
        return output

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """Copies of all that a stream carries: `steps` [S], `h` and, but for a gru, `c` [L, S, H] (or wider)."""
        return {"steps": self.steps.copy()} | {
            name: own.copy() for name, own in zip(("h", "c"), self._state, strict=False)
        }

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `snapshot` gave, of this or other `Steps` of the same network.

        Raises:
            ArtifactError: other arrays, shapes or types, or values out of range. The streams then are as before.
        """
        own = {"steps": self.steps} | dict(zip(("h", "c"), self._state, strict=False))
        check_state(snapshot, self.expected(), "snapshot")
        for name, array in own.items():
            array[...] = snapshot[name]

    def expected(self) -> dict[str, Expected]:
        """What a snapshot holds."""
        own = {"steps": Expected((self.streams,), np.int64, 0, MOST_STEPS)}
        return own | {
            name: Expected(array.shape, np.float32) for name, array in zip(("h", "c"), self._state, strict=False)
        }

    def reset(self, index: Any = slice(None)) -> None:
        """Let streams begin anew: all, or those at `index`."""
        self.steps[index] = 0
        for own in self._state:
            own[:, index] = 0

    def _advance(self, sequence: Array) -> Array:
        if self._stepper is not None:
            return self._stepper(sequence[:, 0])[:, None]
        start: list[State] = list(zip(*self._state, strict=True))
        hidden, ends = run_stack(self._layer, self._weights, self._at, sequence, start)
        for own, parts in zip(self._state, zip(*ends, strict=True), strict=True):
            own[...] = np.stack(parts)
        return hidden

    def _read(self, x: NDArray[Any]) -> NDArray[Any]:
        """[S, 1, I], or tokens [S, 1]."""
        if self._tokens is not None:
            if np.shape(x) != (self.streams,):
                message = "a step of these streams is [{streams}] tokens; got {shown}"
                raise ConfigError(tr(message, streams=self.streams, shown=list(np.shape(x))))
            tokens = np.asarray(x)[:, None]
            check_tokens(tokens, self._tokens.vocabulary)
            return tokens
        values = self._finite(x, self.spec.past, "a step of these streams")
        return values[:, None]

    def _ahead(self, future: Array | None) -> Array:
        if future is None and not self.spec.future:
            return np.empty((self.streams, 1, 0), np.float32)
        return self._finite(future, self.spec.future, "future, the known-ahead inputs of the next step,")[:, None]

    def _finite(self, given: Any, width: int, what: str) -> Array:
        values: Array = np.asarray(given, dtype=np.float32)
        if values.shape != (self.streams, width):
            message = "{what} is [{streams}, {width}]; got {shown}"
            raise ConfigError(tr(message, what=what, streams=self.streams, width=width, shown=list(values.shape)))
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            message = "stream {row}: input {column} of {what} is {item}; fill it first, as in training"
            raise DataError(tr(message, row=row, column=column, what=what, item=values[row, column]))
        return values
