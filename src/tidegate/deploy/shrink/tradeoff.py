"""Accuracy against latency, memory and size, over runs and their smaller forms: a table and a picture (guide 7.3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.artifacts.artifact import read_model
from tidegate.core.errors import ConfigError
from tidegate.core.table import Note
from tidegate.core.text import number
from tidegate.core.translate import tr
from tidegate.deploy.shrink.forms import Form, Forms, measured, scratch, stored
from tidegate.deploy.shrink.judge import METRICS
from tidegate.runtime.model import load
from tidegate.tasks.open import open_run

WIDTH, HEIGHT, MARGIN = 640, 360, 60


def tradeoff(runs: Sequence[str | Path], *, quantized: bool = True, data: Any = None, memory: bool = True) -> Forms:
    """Measure runs of one task on the same data, and their 8-bit forms, on the first run's test part.

    Args:
        runs: folders; the first is what the others are compared with. quantized: with weights of 8 bits too.
        data: of the training, where they have moved. memory: measure it too, in a process for each.

    Returns:
        All forms; the last note names those that no other form beats in score, latency (one row) and size at once.

    Raises:
        ConfigError: no run, or runs of several tasks. DataError: the first has no test part.
    """
    if not runs:
        raise ConfigError(tr("name at least one run"))
    opened = open_run(runs[0], data)
    with scratch() as room:
        named = []
        for place, run in enumerate(runs):
            model = load(run)
            if model.task != opened.task:
                raise ConfigError(tr("{run} is a {task}, not a {first}", run=run, task=model.task, first=opened.task))
            named.append((Path(run).name, model, Path(run)))
            artifact = read_model(run)
            if quantized and artifact.record.weights == "float32":
                small = stored(artifact, "int8", Path(room) / str(place))
                named.append((f"{Path(run).name} int8", load(small), small))
        forms = [replace(form, path="" if form.path.startswith(room) else form.path) for form in
                 measured(opened, named, memory=memory)[0]]  # fmt: skip
    best = ", ".join(form.name for form in unbeaten(forms))
    note = Note(
        "unbeaten", "No other form is better in score, latency and size at once than: {names}.", {"names": best}
    )
    return Forms(metric=METRICS[opened.task], forms=tuple(forms), notes=(note,))


def unbeaten(forms: Sequence[Form]) -> list[Form]:
    """The forms that no other one beats: as good in all of score, latency of one row and size, and better in one."""

    def costs(form: Form) -> tuple[float, float, float]:
        return form.worse[0], next(iter(form.latency.values()))[0], float(form.size)

    found = []
    for form in forms:
        own = costs(form)
        others = [costs(other) for other in forms if other is not form]
        if not any(all(a <= b for a, b in zip(other, own, strict=True)) and other != own for other in others):
            found.append(form)
    return found


def picture(found: Forms) -> str:
    """An SVG: latency of one row (logarithmic) against how much worse the score is; a larger circle has more bytes."""
    import math

    names = {form.name for form in unbeaten(found.forms)}
    across = [math.log10(next(iter(form.latency.values()))[0]) for form in found.forms]
    down = [100 * form.worse[0] for form in found.forms]
    largest = max(form.size for form in found.forms)

    def spread(values: list[float], first: float, last: float) -> list[float]:
        low, high = min(values), max(values)
        return [first + (last - first) * ((v - low) / (high - low) if high > low else 0.5) for v in values]

    xs, ys = spread(across, MARGIN + 20, WIDTH - 140), spread(down, MARGIN, HEIGHT - MARGIN - 20)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{tr('latency of one row, ms (logarithmic)')}</text>",
        f'<text x="16" y="{HEIGHT / 2}" transform="rotate(-90 16 {HEIGHT / 2})" text-anchor="middle">'
        f"{tr('score worse, %')}</text>",
        f'<path d="M{MARGIN} {MARGIN / 2}V{HEIGHT - MARGIN + 10}H{WIDTH - 20}" fill="none" stroke="#888"/>',
    ]
    for form, x, y in zip(found.forms, xs, ys, strict=True):
        radius = 4 + 14 * math.sqrt(form.size / largest)
        colour = "#1a6fb5" if form.name in names else "#b0b0b0"
        label = f"{form.name}: {number(next(iter(form.latency.values()))[0])} ms, {100 * form.worse[0]:+.2f} %"
        shown = label.replace("&", "&amp;").replace("<", "&lt;")
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.7"/>')
        parts.append(f'<text x="{x + radius + 4:.1f}" y="{y + 4:.1f}">{shown}</text>')
    return "\n".join([*parts, "</svg>", ""])
