"""Learning curves: losses by epoch, learning rate and gradient norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidegate.core.translate import Language, tr
from tidegate.report.page.markup import Markup, join
from tidegate.report.page.parts import figure, side_by_side
from tidegate.report.page.view import Floats, Run
from tidegate.report.svg.chart import Chart

DOTS = 40  # epochs up to which each has a dot
LOG = 8.0  # largest over smallest loss from which a logarithmic axis shows more

History = Sequence[Mapping[str, Any]]


def section(view: Run, lang: Language) -> Markup | None:
    """Learning curves, learning rate and gradient norm."""
    if not view.history:
        return None
    best, count = best_epoch(view.history), len(view.history)
    caption = tr("{count} epochs.", lang, count=count) if count > 1 else tr("1 epoch.", lang)
    if best is not None and count > 1:
        message = "{count} epochs; the weights of epoch {best} were kept, the best on the validation part."
        caption = tr(message, lang, count=count, best=best)
    small = []
    for key, title in (("learning_rate", tr("Learning rate", lang)), ("grad_norm", tr("Gradient norm", lang))):
        if np.isfinite(column(view.history, key)).any():
            small.append(figure(column_chart(view.history, key, title, lang), heading=title, wide=False))
    return join(figure(loss_chart(view.history, view.loss, lang), caption), side_by_side(*small) if small else None)


def loss_chart(history: History, loss: str, lang: Language) -> Chart:
    """Training and validation loss by epoch; the epoch whose weights were kept is marked."""
    epochs = column(history, "epoch")
    train, validation = column(history, "train_loss"), column(history, "validation_loss")
    title = tr("Loss ({name})", lang, name=loss) if loss else tr("Loss", lang)
    log = _spans(np.concatenate([train, validation]), LOG)
    chart = Chart(tr("Epoch", lang), title, lang, height=260, log=log, x_whole=True)
    dots = len(epochs) <= DOTS
    chart.line(epochs, train, tr("Training", lang), "muted", dots)
    if np.isfinite(validation).any():
        chart.line(epochs, validation, tr("Validation", lang), "model", dots)
    best = best_epoch(history)
    if best is not None:
        chart.rule(best, tr("weights kept: epoch {epoch}", lang, epoch=best))
    return chart.about(tr("Training and validation loss by epoch", lang))


def column_chart(history: History, key: str, title: str, lang: Language) -> Markup:
    """One column of the history by epoch."""
    values = column(history, key)
    log = _spans(values, 3.0)
    chart = Chart(tr("Epoch", lang), "", lang, width=370, height=180, log=log, x_whole=True, legend=False, zero=not log)
    return chart.line(column(history, "epoch"), values, title, "model", len(values) <= DOTS).svg(title)


def column(history: History, key: str) -> Floats:
    """One column of the history as numbers; NaN where a row lacks it."""
    values = [row.get(key) for row in history]
    return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)


def best_epoch(history: History) -> int | None:
    """The last epoch marked best: the one whose weights were kept."""
    marked = [int(row["epoch"]) for row in history if row.get("best")]
    return marked[-1] if marked else None


def _spans(values: Floats, ratio: float) -> bool:
    """Whether all values are above zero and the largest is so many times the smallest."""
    finite = values[np.isfinite(values)]
    return bool(finite.size and finite.min() > 0 and finite.max() > ratio * finite.min())
