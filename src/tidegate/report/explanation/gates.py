"""The gates of a network over the window: what each unit keeps, and for how long."""

from __future__ import annotations

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.explain import Case, Explanation
from tidegate.explain.gates import KEEP, SIGMOID, Gates
from tidegate.report.explanation.figures import step_edges
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import figure, plain_table
from tidegate.report.page.words import cycle, span, step_size
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.heat import HeatMap
from tidegate.report.svg.marks import Role
from tidegate.report.svg.thin import Floats, buckets
from tidegate.report.svg.ticks import number

MOST_UNITS, MOST_STEPS = 48, 84
LONGEST = 10  # half-lives beyond so many windows read as "never forgets"


def section(found: Explanation, lang: Language) -> Markup | None:
    """Every recurrent layer and direction of the encoder."""
    if not found.gates:
        return None
    intro = tr(
        "A recurrent network reads the window step by step and keeps a memory in its units. At each step the gates, "
        "numbers from 0 (shut) to 1 (open), decide what enters the memory, what stays and what is shown.",
        lang,
    )
    stride = found.gates[0].stride
    joined = tr("This network joins {steps} steps of the data into one of its own.", lang, steps=stride)
    parts = [el("p", intro), el("p", joined) if stride > 1 else None]
    parts.append(memory(found, lang))
    parts += [layer(gates, found, lang) for gates in found.gates]
    return join(*parts)


def layer_name(gates: Gates, lang: Language) -> str:
    """`Layer 2, read backwards`."""
    if gates.backwards:
        return tr("Layer {number}, read backwards", lang, number=gates.layer + 1)
    return tr("Layer {number}", lang, number=gates.layer + 1)


def memory(found: Explanation, lang: Language) -> Markup:
    """How long the units of each layer remember, beside the cycles of the data, and how they saturate."""
    case = found.case
    heads = [
        tr("Layer", lang),
        tr("Half-life, median", lang),
        tr("Longest", lang),
        tr("Gate mostly shut / open", lang),
        tr("Dead units", lang),
    ]
    rows = []
    for gates in found.sample_gates:
        life = gates.half_life()
        shares = [
            f"{name} {share[:, 0].mean() * 100:.0f}\u2009% / {share[:, 1].mean() * 100:.0f}\u2009%"
            for name, share in gates.saturation().items()
        ]
        rows.append(
            [
                layer_name(gates, lang),
                length(float(np.median(life)), case, lang),
                length(float(life.max()), case, lang),
                "; ".join(shares),
                tr("{dead} of {units}", lang, dead=int(gates.dead().sum()), units=gates.units),
            ]
        )
    caption = tr(
        "Over the sample of windows; a unit's half-life is the time in which half of its memory is gone, were its "
        "forget gate always at its mean.",
        lang,
    )
    return join(plain_table(heads, rows, caption=caption), el("p", reach_words(found, lang)))


def reach_words(found: Explanation, lang: Language) -> str:
    """Half-lives against the lags that matter: the past block that matters most, and the cycles of the data."""
    case = found.case
    life = np.concatenate([gates.half_life() for gates in found.sample_gates])
    lags = sorted({*case.seasons, *([_strongest(found)] if _strongest(found) else [])})
    words = [
        tr(
            "{units} of {all} units keep half of their memory for {lag} or longer.",
            lang,
            units=int((life >= lag).sum()),
            all=len(life),
            lag=span(lag, case.frequency, lang),
        )
        for lag in lags
    ]
    if _strongest(found):
        message = "The past mattered most within {span} before the forecast."
        mattered = tr(message, lang, span=span(_strongest(found), case.frequency, lang))
        words.insert(0, mattered)
    return ("" if lang == "zh_TW" else " ").join(words)


def _strongest(found: Explanation) -> int:
    """Far end, in steps, of the past block that moved the forecast most; 0 where there is none."""
    each = found.attributions["block"]
    past = [(size, -(group.first or 0)) for size, group in zip(each.reach, each.groups.all, strict=True)
            if group.first is not None and group.first < 0]  # fmt: skip
    return max(past)[1] if past else 0


def length(steps: float, case: Case, lang: Language) -> str:
    """A half-life in words; without an end where it is many windows long."""
    if not np.isfinite(steps) or steps > LONGEST * len(case.history):
        return tr("never forgets", lang)
    whole, larger = round(steps), cycle(case.frequency) // step_size(case.frequency)
    if larger and case.frequency.unit in ("s", "min", "h") and whole >= 2 * larger:
        whole = round(whole / larger) * larger
    return span(whole, case.frequency, lang) if whole >= 1 else tr("under a step", lang)


def layer(gates: Gates, found: Explanation, lang: Language) -> Markup:
    """Mean gates over the input, and the units' forget gate and state as heat maps."""
    case, keep = found.case, KEEP[gates.cell]
    edges = step_edges(case, gates.values["h"].shape[1])
    times = edges[:-1]
    chart = Chart(lang=lang, height=200, y_range=(0.0, 1.0))
    roles: tuple[Role, ...] = ("muted", "model", "baseline")
    for name, role in zip(SIGMOID[gates.cell], roles, strict=False):
        mean = gates.values[name][0].mean(axis=1)
        chart.line(times, mean, gate_name(name, lang), role, len(times) < 40)
    title = tr("Mean of all units' gates", lang)
    order = np.argsort(-gates.half_life())
    if len(order) > MOST_UNITS:
        order = order[np.linspace(0, len(order) - 1, MOST_UNITS).astype(np.int64)]

    def units(name: str) -> Markup:
        share = name in SIGMOID[gates.cell]
        return _units(gates.values[name][0][:, order].T, edges, found, lang, gate_name(name, lang), share=share)

    first = [keep, "c" if "c" in gates.values else "h"]
    others = [units(name) for name in gates.values if name not in first]
    return join(
        el("h3", layer_name(gates, lang)),
        figure(chart.svg(title), title),
        *(units(name) for name in first),
        el("details", el("summary", tr("{layer}: the other gates", lang, layer=layer_name(gates, lang))), *others),
    )


def _units(values: Floats, edges: object, found: Explanation, lang: Language, name: str, *, share: bool) -> Markup:
    """A row per unit, longest memory first."""
    case = found.case
    ends = np.asarray(edges)
    if values.shape[1] > MOST_STEPS:
        parts = buckets(values.shape[1], MOST_STEPS)
        values = np.stack([values[:, a:b].mean(axis=1) for a, b in parts], axis=1)
        ends = np.concatenate([ends[[a for a, _ in parts]], ends[-1:]])
    rows = [""] * len(values)
    rows[0], rows[-1] = tr("longest memory", lang), tr("shortest memory", lang)
    drawing = HeatMap(
        rows,
        ends,
        values.astype(np.float64),
        lang,
        low="0" if share else number(-float(np.abs(values).max())),
        high="1" if share else number(float(np.abs(values).max())),
        limit=1.0 if share else None,
        height=max(6.0, min(22.0, 280 / len(values))),
        over=(case.past_time, case.history, case.target),
    )
    heading = tr("{name}, a row per unit, below the input", lang, name=name)
    return figure(drawing.svg(heading), heading=heading)


_GATES = {
    "i": "Input gate i",
    "f": "Forget gate f",
    "o": "Output gate o",
    "r": "Reset gate r",
    "z": "Update gate z",
    "g": "Candidate g",
    "n": "Candidate n",
    "c": "Cell state c",
    "h": "Output h",
}


def gate_name(name: str, lang: Language) -> str:
    """A gate in words with its letter in the equations."""
    return tr(_GATES[name], lang)
