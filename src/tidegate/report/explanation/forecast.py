"""A forecast explained: its sentences, the names of its groups, the window it saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tidegate.core.names import metric_name
from tidegate.core.translate import tr
from tidegate.explain.groups import Group
from tidegate.explain.permutation import Importance
from tidegate.explain.shapley import Attribution
from tidegate.report.explanation import figures
from tidegate.report.explanation.names import feature_name, left_over, steps_name
from tidegate.report.explanation.words import MIXED, Words
from tidegate.report.forecast.figures import level_name
from tidegate.report.page.markup import Markup
from tidegate.report.page.parts import figure, sentences
from tidegate.report.page.words import span
from tidegate.report.svg.chart import Chart
from tidegate.report.svg.heat import signed_number
from tidegate.report.svg.ticks import number, time_label


@dataclass(frozen=True)
class ForecastWords(Words):
    """Of a `Case`."""

    headings: ClassVar[dict[str, str]] = {"saw": "What it saw", "mattered": "What mattered for this forecast"}

    def head(self, title: str) -> tuple[str, str, str]:
        case, lang = self.case, self.lang
        name = " \u00b7 ".join(part for part in (case.series, case.target) if part)
        start = time_label(case.time[0], lang)
        period = tr("{span} from {time}", lang, span=span(len(case.time), case.frequency, lang), time=start)
        title = title or tr("{name}: the forecast from {time}", lang, name=name, time=start)
        return tr("A forecast explained", lang), title, f"{name} \u00b7 {period}"

    def first(self) -> str:
        each = self.found.attributions["feature"]
        mean, base = float(each.prediction.mean()), float(each.base.mean())
        up = (
            "The model expects {mean} on average. Without a look at this window it would say {base}: what it saw moved "
            "the forecast up by {moved}."
        )
        down = (
            "The model expects {mean} on average. Without a look at this window it would say {base}: what it saw moved "
            "the forecast down by {moved}."
        )
        values = {"mean": self.sized(mean), "base": self.sized(base), "moved": self.sized(abs(mean - base))}
        return tr(up if mean >= base else down, self.lang, **values)

    def moved(self, name: str, share: float, reach: float) -> str:
        if abs(share) < MIXED * reach:
            message = (
                "“{name}” moved it by some {reach} a step, up at some steps and down at others ({mean} on average)."
            )
            return tr(message, self.lang, name=name, reach=self.sized(reach), mean=signed_number(share))
        up, down = "“{name}” raised it by {size}.", "“{name}” lowered it by {size}."
        return tr(up if share >= 0 else down, self.lang, name=name, size=self.sized(abs(share)))

    def sure(self) -> str:
        case, lang, words = self.case, self.lang, []
        if len(case.levels) > 1 and abs(case.levels[0] + case.levels[-1] - 1) < 1e-9:
            interval = tr(
                "How sure is it? Its {level} runs from {low} to {high} on average.",
                lang,
                level=level_name(case.levels[-1] - case.levels[0], lang),
                low=number(float(case.quantiles[:, 0].mean())),
                high=self.sized(float(case.quantiles[:, -1].mean())),
            )
            words.append(interval)
        usual = self.found.importance.get("feature")
        if usual is not None and self.found.metric == "mae":
            text = "On {count} other windows it was off by {size} on average."
            words.append(tr(text, lang, count=usual.windows, size=self.sized(usual.score)))
        elif usual is not None:
            text = "On {count} other windows its {metric} was {score}."
            name = metric_name(self.found.metric, lang)
            words.append(tr(text, lang, count=usual.windows, metric=name, score=number(usual.score)))
        known = np.isfinite(case.actual)
        if known.any():
            came = tr(
                "What came is known by now: {actual} on average; this forecast erred by {error} a step.",
                lang,
                actual=self.sized(float(case.actual[known].mean())),
                error=self.sized(float(np.abs(case.actual - case.mean)[known].mean())),
            )
            words.append(came)
        return sentences(words, lang)

    def group(self, group: Group, kind: str) -> str:
        if group.feature is not None:
            return feature_name(group.feature, self.lang)
        return steps_name(group, self.case, self.lang)

    def drawn(self) -> dict[str, Markup | None]:
        message = (
            "Left of the dotted line is all that the model saw of the target: {window}. Right of it is the forecast."
        )
        caption = tr(message, self.lang, window=span(len(self.case.history), self.case.frequency, self.lang))
        return {"saw": figure(self.window_chart(), caption)}

    def window_chart(self) -> Markup:
        """History, forecast with its interval, and what came."""
        case, lang = self.case, self.lang
        title = tr("Time ({zone})", lang, zone=case.zone) if case.zone else ""
        chart = Chart(x_title=title, y_title=self.unit, lang=lang, height=270)
        if len(case.levels) > 1:
            level = level_name(case.levels[-1] - case.levels[0], lang)
            chart.band(case.time, case.quantiles[:, 0], case.quantiles[:, -1], level)
        time = np.concatenate([case.past_time, case.time])
        chart.line(time, np.concatenate([case.history, case.actual]), tr("Actual", lang), "actual")
        chart.line(case.time, case.mean, tr("Forecast", lang), "model", len(case.time) < 2)
        chart.rule(case.past_time[-1])
        return chart.svg(tr("What the model saw, and its forecast", lang))

    def shares(self) -> str:
        return tr(
            "Every bar is a share of the difference between this forecast and the one without the window, averaged "
            "over the steps ahead: blue raised the forecast, orange lowered it. Together the bars give the whole "
            "difference.",
            self.lang,
        )

    def total(self, each: Attribution) -> str:
        whole = float(each.prediction.mean())
        return tr(
            "{base} without the window and {sum} from the bars make {prediction}; left over: {residual}.",
            self.lang,
            base=number(float(each.base.mean())),
            sum=signed_number(float(each.mean.sum())),
            residual=left_over(float(each.residual.mean()), whole, self.lang),
            prediction=self.sized(whole),
        )

    def maps(self) -> list[Markup | None]:
        return [figures.cells(self.found, self.unit, self.lang), figures.ahead(self.found, self.unit, self.lang)]

    def usual(self, measured: Importance) -> tuple[str, float]:
        text = tr(
            "How much larger the error ({metric}, now {score}) gets when an input is shuffled among {count} windows, "
            "so that each window gets it from another. The thin line spans two standard errors to each side, over "
            "{repeats} shuffles.",
            self.lang,
            metric=metric_name(self.found.metric, self.lang),
            score=number(measured.score),
            count=measured.windows,
            repeats=len(measured.repeats),
        )
        return text, 1.0

    def test(self) -> tuple[str, str]:
        text = tr(
            "Inputs are taken away one after another, those that the explanation calls most important first. If it is "
            "right, the forecast moves farther, sooner, than when they go in a random order.",
            self.lang,
        )
        return text, self.unit
