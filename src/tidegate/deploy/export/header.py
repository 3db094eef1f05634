"""A trained model as one C99 header: the network, in float32 or with the very bits of its 8-bit form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.artifacts.atomic import write_file
from tidegate.artifacts.inputs import lag_rows
from tidegate.artifacts.shapes import decoder_stack
from tidegate.artifacts.spec import Recurrent
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.core.version import VERSION
from tidegate.deploy.export import code
from tidegate.deploy.export.units import Units, sequence_units, table_units
from tidegate.kernels.stack import GATES
from tidegate.runtime.model import load

KNOWN = ("normalise", "skip", "recurrent", "pool", "dropout", "head", "decoder", "label")
ANY_LENGTH = "n"
ZEROS = "  static const {name}_state zeros;\n"


class Header:
    """The header of one model, part by part.

    Args:
        model: as the runtime loads it. name: that all its names begin with.

    Raises:
        ConfigError: what this exporter does not say in C, and what to change.
    """

    def __init__(self, model: Any, name: str) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,40}", name):
            raise ConfigError(tr("{name} is no name in C: take letters, digits and _", name=repr(name)))
        self.model, self.spec, self.weights, self.name = model, model.spec, model.weights, name
        self.eight = bool(self.weights.matrices)
        self._check()
        self.layer: Recurrent = self.spec.encoder
        self.places = {layer.kind: (f"layers.{index}", layer) for index, layer in enumerate(self.spec.layers)}
        self.most = self.layer.hidden_size
        self.data: list[str] = []

    def _check(self) -> None:
        spec, model = self.spec, self.model
        odd = [layer.kind for layer in spec.layers if layer.kind not in KNOWN]
        decoder = spec.find("decoder")
        reason = None
        if model.task not in ("forecaster", "classifier", "regressor"):
            reason = tr("a {task} has no form in C yet", task=model.task)
        elif odd:
            reason = tr("it has the layer {layer}: fit without it", layer=odd[0])
        elif spec.members > 1 or spec.channels == "independent" or spec.static:
            reason = tr("members, independent channels and static inputs have no form in C yet")
        elif spec.encoder.bidirectional or spec.encoder.layer_norm:
            reason = tr("its recurrence is bidirectional or has a layer norm: fit without")
        elif spec.encoder.cell not in code.BODIES:
            reason = tr("its cell {cell} has none yet: fit with lstm, gru, peephole or coupled", cell=spec.encoder.cell)
        elif spec.find("pool").by == "attention" or (decoder and (decoder.attention or decoder.feedback is not None)):
            reason = tr("attention and feedback have no form in C yet: fit without")
        elif spec.find("normalise") is not None and not spec.window:
            reason = tr("normalise needs a window")
        elif model.task == "forecaster" and (
            model.decoding.mixture is not None or model.decoding.horizon > spec.horizon
        ):
            reason = tr("fit with pretrained=False, and a horizon that the network forecasts at once")
        if reason is not None:
            raise ConfigError(tr("this model has no C form: {reason}", reason=reason))

    def array(self, label: str, values: NDArray[Any]) -> str:
        """A constant array; gives its name."""
        whole = values.dtype == np.int8
        flat = [str(int(v)) if whole else _float(v) for v in np.asarray(values).ravel()]
        lines = [", ".join(flat[first : first + 16]) for first in range(0, len(flat), 16)]
        kind = f"{self.name}_weight" if whole or label.endswith("_w") else "float"
        self.data.append(f"static const {kind} {self.name}_{label}[] = {{{','.join(lines)}}};")
        return f"{self.name}_{label}"

    def matrix(self, label: str, weight: str) -> tuple[str, str, tuple[int, int]]:
        """Names of a matrix and of its steps (0 in float32), and its shape."""
        shape = self.weights[weight].shape
        self.most = max(self.most, shape[1])
        if not self.eight:
            return self.array(f"{label}_w", self.weights[weight]), "0", shape
        own = self.weights.matrices[weight]
        return self.array(f"{label}_w", own.values), self.array(f"{label}_step", own.steps), shape

    def dense(self, label: str, at: str) -> tuple[int, int]:
        """A dense layer, and its outputs and inputs."""
        w, step, shape = self.matrix(label, f"{at}.weight")
        bias = self.array(f"{label}_bias", self.weights[f"{at}.bias"])
        entry = f"{{{w}, {step}, {bias}, {shape[1]}, {shape[0]}}}"
        self.data.append(f"static const {self.name}_matrix {self.name}_{label} = {entry};")
        return shape

    def stack(self, label: str, layer: Recurrent, at: str) -> None:
        """The layers of a recurrence."""
        entries, H = [], layer.hidden_size
        for level in range(layer.num_layers):
            own = f"{label}{level}"
            w_ih, s_ih, shape = self.matrix(f"{own}_ih", f"{at}.weight_ih_l{level}")
            w_hh, s_hh, _ = self.matrix(f"{own}_hh", f"{at}.weight_hh_l{level}")
            of_x, of_h = self.weights[f"{at}.bias_ih_l{level}"], self.weights[f"{at}.bias_hh_l{level}"]
            both, rest, peephole = of_x + of_h, "0", "0"
            if layer.cell == "gru":
                both = np.concatenate([both[: 2 * H], of_x[2 * H :]])
                rest = self.array(f"{own}_bias_n", of_h[2 * H :])
            if layer.cell == "peephole":
                peephole = self.array(f"{own}_peephole", self.weights[f"{at}.weight_peephole_l{level}"])
            bias = self.array(f"{own}_bias", both)
            entries.append(f"{{{w_ih}, {w_hh}, {s_ih}, {s_hh}, {bias}, {rest}, {peephole}, {shape[1]}}}")
        self.data.append(f"static const {self.name}_layer {self.name}_{label}[] = {{{', '.join(entries)}}};")

    def text(self) -> str:
        """The whole header."""
        spec, layer = self.spec, self.layer
        self.stack("encoder", layer, f"{self.places['recurrent'][0]}.rnn")
        body = self._label() if self.model.task != "forecaster" else self._forecast()
        H, L, gru = layer.hidden_size, layer.num_layers, layer.cell == "gru"
        shown = {"name": self.name, "NAME": self.name.upper(), "H": str(H), "L": str(L), "most": str(self.most)}
        shown |= {"G": str(GATES[layer.cell]), "I": str(spec.past), "last": str(L - 1), "version": VERSION}
        shown |= {"kind": "8 bits" if self.eight else "float32", "task": self.model.task, "about": self._about()}
        zone = "" if not layer.zoneout else code.ZONEOUT.replace("{zoneout}", _float(layer.zoneout))
        cell = "" if not layer.zoneout or gru else code.ZONEOUT_C.replace("{zoneout}", _float(layer.zoneout))
        zone = cell + zone + ("" if gru else "    c[u] = cell;\n")
        state = "  float h[{L}][{H}];\n" + ("" if gru else "  float c[{L}][{H}];\n")
        state = f"\ntypedef struct {{\n{state}}} {{name}}_state; /* all zeros at first */\n"
        body_of_cell = code.BODIES[layer.cell]
        one = code.LAYER.replace("{start}", code.GRU_START if gru else "").replace("{zoneout}", zone)
        one = one.replace("{sum}", code.GRU_SUM if gru else code.SUM).replace("{body}", body_of_cell)
        one = one.replace("{old}", ", old = h[u]" if gru or layer.zoneout else "")
        one = one.replace("{c_of_l}", "0" if gru else "s->c[l]")
        fixed = [code.HEAD, code.NUMBERS, code.EIGHT if self.eight else code.FLOAT, code.DENSE, state, one]
        parts = [_filled(part, shown) for part in fixed]
        tail = [_filled(part, shown) for part in (code.STEP, body, code.FOOT)]
        return "".join([*parts, "\n", "\n".join(self.data), "\n", *tail])

    def _about(self) -> str:
        units = self.units("past")
        lines = [f"   past input {place}: {name}, prepared = (x - {o:.9g}) / {s:.9g}" for place, (name, o, s) in
                 enumerate(zip(units.names, units.offset, units.scale, strict=True))]  # fmt: skip
        if self.model.task == "forecaster":
            lines += [
                f"   future input {place}: {name}" for place, name in enumerate(self.model.preparation.future_names)
            ]
            lines.append(f"   outputs: {'mean, ' if self.model.decoding.point else ''}{self.model.decoding.quantiles}")
        else:
            lines.append(f"   outputs: {', '.join(map(str, self.model.labels.names))}")
        return "\n".join(line.replace("*/", "* /") for line in lines) + "\n"

    def units(self, which: str) -> Units:
        """Of the inputs that `predict` reads prepared."""
        if self.model.task == "forecaster":
            return table_units(self.model.preparation, getattr(self.model.preparation, f"{which}_names"))
        return sequence_units(self.model.preparation)

    def _walk(self, steps: str, scaled: bool) -> str:
        """The recurrence over the past, and what is pooled."""
        spec, pool, H, last = self.spec, self.places["pool"][1].by, self.layer.hidden_size, self.layer.num_layers - 1
        read = "past[t * {I} + i]"
        if scaled:
            read = f"i < {spec.targets} ? {{name}}_z(past, loc, scale, t, i) : {read}"
        each, h = f"    for (i = 0; i < {H}; ++i) ", f"s.h[{last}][i]"
        keep = {
            "mean": f"{each}context[i] = t ? context[i] + {h} : {h};\n",
            "max": f"{each}if (!t || {h} > context[i]) context[i] = {h};\n",
        }.get(pool, "")
        after = {"mean": f"  for (i = 0; i < {H}; ++i) context[i] /= (float){steps};\n", "max": ""}
        copied = f"  for (i = 0; i < {H}; ++i) context[i] = {h};\n"
        return (
            "  s = zeros;\n"
            f"  for (t = 0; t < {steps}; ++t) {{\n    for (i = 0; i < {{I}}; ++i) x[i] = {read};\n"
            "    {name}_step(&s, x);\n" + keep + "  }\n" + after.get(pool, copied)
        )

    def _label(self) -> str:
        at, layer = self.places["label"]
        lines, given, H = [], "context", self.layer.hidden_size
        if layer.hidden_size:
            hidden = self.dense("hidden", f"{at}.hidden")[0]
            lines.append(f"  {{name}}_dense(&{{name}}_hidden, context, hidden);\n  for (i = 0; i < {hidden}; ++i) "
                         "hidden[i] = hidden[i] > 0.0f ? hidden[i] : 0.0f;\n")  # fmt: skip
            given = "hidden"
        outputs, _ = self.dense("final", f"{at}.final")
        lines.append(f"  {{name}}_dense(&{{name}}_final, {given}, out);\n")
        room = f", hidden[{layer.hidden_size}]" if layer.hidden_size else ""
        steps = ANY_LENGTH
        return (
            f"\n/* past [n][{{I}}] prepared, of n steps -> out [{outputs}]: {self._says()} */\n"
            "static inline void {name}_predict(const float* past, int n, float* out) {\n"
            f"  {{name}}_state s;\n  float x[{{I}}], context[{H}]{room};\n  int t, i;\n"
            + ZEROS + self._walk(steps, False) + "".join(lines) + "}\n"
        )  # fmt: skip

    def _says(self) -> str:
        if self.model.task == "classifier":
            return (
                f"logits; divided by {self.model.deciding.temperature:.9g} their softmax is the classes' probabilities"
            )
        labels = self.model.labels
        return f"estimate = out * {list(labels.scale)} + {list(labels.offset)}"

    def _forecast(self) -> str:
        spec, H = self.spec, self.layer.hidden_size
        T, K, C, O = spec.window, spec.horizon, spec.targets, spec.outputs
        ends = self._head() if spec.find("head") is not None else self._decoder()
        units = self.units("past")
        if units.logged.any():
            raise ConfigError(tr("this model has no C form: {reason}", reason=tr("its target is a logarithm")))
        tail = self._tail(K, C, O)
        lines = [
            "\nstatic float {name}_z(const float* past, const float* loc, const float* scale, int t, int c) {\n"
            "  float z = past[t * {I} + c];\n  z = z - loc[c];\n  return z / scale[c];\n}\n",
            f"/* past [{T}][{{I}}], future [{K}][{spec.future}] prepared (null where its second size is 0) ->\n"
            f"   out [{K}][{C}][{O}], in the prepared scale */\n"
            "static inline void {name}_predict(const float* past, const float* future, float* out) {\n"
            f"  {{name}}_state s;\n  float x[{{I}}], context[{H}], loc[{C}], scale[{C}];\n  int t, i, k, c, o;\n",
            ZEROS,
            self._loc(T, C),
            self._walk(str(T), True),
            *ends,
            *tail,
            "}\n",
            self._own_unit(units, T, K, C, O),
        ]
        return "".join(lines)

    def _loc(self, T: int, C: int) -> str:
        layer = self.spec.find("normalise")
        by = None if layer is None else layer.by
        begin = f"  for (c = 0; c < {C}; ++c) {{\n    loc[c] = 0.0f;\n    scale[c] = 1.0f;\n"
        first = T - layer.period if by == "scale" and layer.period else 0
        total = f"    for (t = {first}; t < {T}; ++t) "
        if by == "last":
            begin += f"    loc[c] = past[{T - 1} * {{I}} + c];\n"
        elif by in ("mean", "standard"):
            begin += total + f"loc[c] += past[t * {{I}} + c];\n    loc[c] /= {T}.0f;\n"
        if by in ("standard", "scale"):
            raise ConfigError(
                tr("this model has no C form: {reason}", reason=tr("normalise by {by}: take last or mean", by=by))
            )
        return begin + "  }\n"

    def _lags(self, lags: Sequence[int]) -> str:
        """Lines that put lagged targets of step k into in[n], n moving on."""
        lines = ""
        for lag in lags:
            row = f"{int(lag_rows(self.spec.window, 1, lag)[0])} + k % {lag}"
            each = f"for (c = 0; c < {self.spec.targets}; ++c)"
            lines += f"      {each} in[n++] = {{name}}_z(past, loc, scale, {row}, c);\n"
        return lines

    def _head(self) -> list[str]:
        at, layer = self.places["head"]
        size, K, F = layer.hidden_size, self.spec.horizon, self.spec.future
        self.dense("context", f"{at}.context")
        width = self.dense("output", f"{at}.output")[1]
        outputs = self.dense("final", f"{at}.final")[0]
        return [
            "  {\n" f"    float shares[{K * size}], in[{width}], hidden[{size}];\n    int n;\n"
            "    {name}_dense(&{name}_context, context, shares);\n"
            f"    for (k = 0; k < {K}; ++k) {{\n      n = 0;\n"
            f"      for (i = 0; i < {size}; ++i) in[n++] = shares[k * {size} + i];\n"
            f"      for (i = 0; i < {F}; ++i) in[n++] = future[k * {F} + i];\n"
            f"{self._lags(layer.lags)}      {{name}}_dense(&{{name}}_output, in, hidden);\n"
            f"      for (i = 0; i < {size}; ++i) hidden[i] = hidden[i] > 0.0f ? hidden[i] : 0.0f;\n"
            f"      {{name}}_dense(&{{name}}_final, hidden, out + k * {outputs});\n    }}\n  }}\n"
        ]  # fmt: skip

    def _decoder(self) -> list[str]:
        at, layer = self.places["decoder"]
        spec, segment, F = self.spec, layer.segment, self.spec.future
        self.stack("decoder", decoder_stack(spec), f"{at}.rnn")
        outputs = self.dense("output", f"{at}.output")[0]
        width = self.weights[f"{at}.rnn.weight_ih_l0"].shape[1]
        last = self.layer.num_layers - 1
        lines = (
            "  {\n" f"    float in[{width}];\n    int n, j;\n"
            f"    for (j = 0; j < {spec.horizon // segment}; ++j) {{\n      n = 0;\n"
            f"      for (k = j * {segment}; k < (j + 1) * {segment}; ++k)\n"
            f"        for (i = 0; i < {F}; ++i) in[n++] = future[k * {F} + i];\n"
        )  # fmt: skip
        if layer.lags:
            lines += (
                f"      for (k = j * {segment}; k < (j + 1) * {segment}; ++k) {{\n{self._lags(layer.lags)}      }}\n"
            )
        if layer.position:
            name = self.array("position", self.weights[f"{at}.position"])
            lines += f"      for (i = 0; i < {layer.position}; ++i) in[n++] = {name}[j * {layer.position} + i];\n"
        return [
            lines + "      while (n < " + str(width) + ") in[n++] = 0.0f;\n"
            "      {name}_stack({name}_decoder, &s, in);\n"
            f"      {{name}}_dense(&{{name}}_output, s.h[{last}], out + j * {outputs});\n"
            "    }\n    (void)context;\n  }\n"
        ]

    def _tail(self, K: int, C: int, O: int) -> list[str]:
        """What comes after the last layer: the linear forecast, the anchor, the calibration, the window's own scale."""
        spec, calibration, lines = self.spec, self.model.decoding.calibration, []
        lines.append(
            f"  for (k = 0; k < {K}; ++k) for (c = 0; c < {C}; ++c) for (o = 0; o < {O}; ++o) {{\n"
            f"    float v = out[(k * {C} + c) * {O} + o];\n"
        )
        if "skip" in self.places:
            at = self.places["skip"][0]
            weight = self.array("skip", self.weights[f"{at}.weight"])
            bias, share = self.array("skip_bias", self.weights[f"{at}.bias"]), self.weights[f"{at}.share"][0]
            lines.append(
                f"    float line = 0.0f;\n    for (t = 0; t < {spec.window}; ++t) line += {weight}[(c * {K} + k) * "
                f"{spec.window} + t] * {{name}}_z(past, loc, scale, t, c);\n    line = line + {bias}[c * {K} + k];\n"
                f"    v = v * {_float(share)};\n    v = v + line;\n"
            )
        if spec.anchor:
            first = int(lag_rows(spec.window, 1, spec.anchor)[0])
            lines.append(f"    v = v + {{name}}_z(past, loc, scale, {first} + k % {spec.anchor}, c);\n")
        if calibration is not None:
            name = self.array("calibration", np.asarray(calibration, np.float32))
            lines.append(f"    v = v + {name}[(k * {C} + c) * {O} + o];\n")
        lines.append(f"    v = v * scale[c];\n    out[(k * {C} + c) * {O} + o] = v + loc[c];\n  }}\n")
        return lines

    def _own_unit(self, units: Units, T: int, K: int, C: int, O: int) -> str:
        """`forecast`: as `predict`, in the units of the table."""
        offset, scale = self._affine("past", units)
        lines = (
            "/* The same in the table's own units; "
            f"`room` [{T}][{{I}}] and `ahead` [{K}][{self.spec.future}] are lost */\n"
            "static inline void {name}_forecast(const float* past, const float* future, float* room, float* ahead,\n"
            "                                   float* out) {\n  int i;\n"
            f"  for (i = 0; i < {T} * {{I}}; ++i) room[i] = (past[i] - {offset}[i % {{I}}]) / {scale}[i % {{I}}];\n"
        )
        F = self.spec.future
        if F:
            own, size = self._affine("future", self.units("future"))
            lines += f"  for (i = 0; i < {K * F}; ++i) ahead[i] = (future[i] - {own}[i % {F}]) / {size}[i % {F}];\n"
        else:
            lines += "  (void)future;\n"
        at = f"[i / {O} % {C}]"
        ends = f"  for (i = 0; i < {K * C * O}; ++i) out[i] = out[i] * {scale}{at} + {offset}{at};\n}}\n"
        return lines + "  {name}_predict(room, ahead, out);\n" + ends

    def _affine(self, which: str, units: Units) -> tuple[str, str]:
        offset = self.array(f"{which}_offset", np.asarray(units.offset, np.float32))
        return offset, self.array(f"{which}_scale", np.asarray(units.scale, np.float32))


def _float(value: Any) -> str:
    shown = f"{float(np.float32(value)):.9g}"
    return shown + ("f" if any(mark in shown for mark in ".en") else ".0f")


def _filled(text: str, shown: dict[str, str]) -> str:
    for key, value in shown.items():
        text = text.replace("{" + key + "}", value)
    return text


def export_c(run: str | Path, out: str | Path) -> Header:
    """Write a run's model as a C99 header; with weights of 8 bits where the run has them (`tidegate quantize`).

    Args:
        run: folder of a run or a model. out: the .h file, whose name all names in it begin with.

    Raises:
        ConfigError: what has no form in C, and what to change. OutputError: the file cannot be written.
    """
    place = Path(out)
    made = Header(load(run), re.sub(r"\W", "_", place.stem))
    write_file(place, made.text().encode())
    return made
