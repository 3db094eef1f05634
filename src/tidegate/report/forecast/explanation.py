"""The page that explains one forecast: plain words first, then figures, each with its check."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tidegate.core.names import metric_name
from tidegate.core.translate import Language, language, tr
from tidegate.explain import Explanation
from tidegate.explain.deletion import Faithfulness
from tidegate.report.forecast import explain_figures as figures
from tidegate.report.forecast import explain_gates
from tidegate.report.forecast.explained import (
    deletion_words,
    feature_name,
    group_name,
    is_sure,
    left_over,
    with_unit,
)
from tidegate.report.forecast.figures import level_name
from tidegate.report.page.document import document
from tidegate.report.page.markup import Markup, el, join
from tidegate.report.page.parts import definition, figure
from tidegate.report.page.words import span
from tidegate.report.page.write import write_page
from tidegate.report.svg.heat import ranked_bars, signed_number
from tidegate.report.svg.ticks import number, time_label

TOP = 3
TRIFLE = 0.02  # what moved the forecast less than this share of what moved it most is not named first
MIXED = 0.5  # a mean over the steps below this share of their size hides ups and downs


def report_explanation(
    path: str | Path, explanation: Explanation, *, title: str = "", unit: str = "", lang: Language | None = None
) -> Path:
    """Write the page of an explanation: one HTML file that needs nothing else.

    Args:
        path: the file. explanation: from `Forecaster.explain`.
        title: of the page; "" names target and time. unit: of the target. lang: None takes the reader's.

    Raises:
        OutputError: the file cannot be written.
    """
    lang = lang or language()
    return write_page(Path(path), render_explanation(explanation, lang, title=title, unit=unit))


def render_explanation(found: Explanation, lang: Language, *, title: str = "", unit: str = "") -> str:
    """The page as text; the same explanation gives the same text."""
    case = found.case
    parts = [
        ("saw", tr("What it saw", lang), saw(found, unit, lang)),
        ("mattered", tr("What mattered for this forecast", lang), mattered(found, unit, lang)),
        ("inputs", tr("Every single input", lang), figures.inputs(found, unit, lang)),
        ("attention", tr("Where attention went", lang), figures.attention(found, unit, lang)),
        ("general", tr("What matters for the model as a whole", lang), general(found, unit, lang)),
        ("checks", tr("Can this explanation be trusted?", lang), checks(found, unit, lang)),
        ("gates", tr("Inside the network", lang), explain_gates.section(found, lang)),
        ("method", tr("How this was worked out", lang), method(found, unit, lang)),
    ]
    name = " \u00b7 ".join(part for part in (case.series, case.target) if part)
    start = time_label(case.time[0], lang)
    title = title or tr("{name}: the forecast from {time}", lang, name=name, time=start)
    head = join(
        el(
            "header",
            el("p", tr("A forecast explained", lang), class_="over"),
            el("h1", title),
            el("p", f"{name} \u00b7 {_period(found, lang)}", class_="soft"),
        ),
        lead(found, unit, lang),
    )
    return document(title, head, parts, lang)


def _period(found: Explanation, lang: Language) -> str:
    case = found.case
    ahead = span(len(case.time), case.frequency, lang)
    return tr("{span} from {time}", lang, span=ahead, time=time_label(case.time[0], lang))


def lead(found: Explanation, unit: str, lang: Language) -> Markup:
    """What the forecast is, what moved it, how sure it is, and whether that can be believed."""
    first, moved, rest = summary(found, unit, lang)
    items = el("ul", *(el("li", item) for item in moved))
    return el("section", el("p", first), items, *(el("p", item) for item in rest), class_="lead")


def summary(found: Explanation, unit: str, lang: Language) -> tuple[str, list[str], list[str]]:
    """The page's first words: the forecast, what moved it most, then how sure it is and whether that was checked."""
    features = found.attributions["feature"]
    mean, base = float(features.prediction.mean()), float(features.base.mean())
    words = {
        "mean": with_unit(number(mean), unit),
        "base": with_unit(number(base), unit),
        "moved": with_unit(number(abs(mean - base)), unit),
    }
    up = tr(
        "The model expects {mean} on average. Without a look at this window it would say {base}: what it saw moved the "
        "forecast up by {moved}.",
        lang,
        **words,
    )
    down = tr(
        "The model expects {mean} on average. Without a look at this window it would say {base}: what it saw moved the "
        "forecast down by {moved}.",
        lang,
        **words,
    )
    moved = []
    largest = float(features.reach.max(initial=0.0))
    for index in np.argsort(-features.reach)[:TOP]:
        if features.reach[index] < TRIFLE * largest:
            break
        name = feature_name(features.groups.all[index].feature or "", lang)
        share, reach = float(features.mean[index]), float(features.reach[index])
        size = with_unit(number(abs(share)), unit)
        raised = tr("“{name}” raised it by {size}.", lang, name=name, size=size)
        lowered = tr("“{name}” lowered it by {size}.", lang, name=name, size=size)
        both = tr(
            "“{name}” moved it by some {reach} a step, up at some steps and down at others ({mean} on average).",
            lang,
            name=name,
            reach=with_unit(number(reach), unit),
            mean=signed_number(share),
        )
        moved.append(both if abs(share) < MIXED * reach else raised if share >= 0 else lowered)
    test = found.faithfulness.get("feature")
    rest = [sure(found, unit, lang), deletion_words(test, lang) if test is not None else ""]
    return up if mean >= base else down, moved, [text for text in rest if text]


def sure(found: Explanation, unit: str, lang: Language) -> str:
    """How sure the forecast is: its interval, the model's usual error, and what came, where that is known."""
    case, words = found.case, []
    if len(case.levels) > 1 and abs(case.levels[0] + case.levels[-1] - 1) < 1e-9:
        low, high = case.quantiles[:, 0], case.quantiles[:, -1]
        words.append(
            tr(
                "How sure is it? Its {level} runs from {low} to {high} on average.",
                lang,
                level=level_name(case.levels[-1] - case.levels[0], lang),
                low=number(float(low.mean())),
                high=with_unit(number(float(high.mean())), unit),
            )
        )
    if "feature" in found.importance:
        usual = found.importance["feature"]
        score = number(usual.score)
        if found.metric == "mae":
            size = with_unit(score, unit)
            words.append(
                tr("On {count} other windows it was off by {size} on average.", lang, count=usual.windows, size=size)
            )
        else:
            name = metric_name(found.metric, lang)
            words.append(
                tr(
                    "On {count} other windows its {metric} was {score}.",
                    lang,
                    count=usual.windows,
                    metric=name,
                    score=score,
                )
            )
    known = np.isfinite(case.actual)
    if known.any():
        words.append(
            tr(
                "What came is known by now: {actual} on average; this forecast erred by {error} a step.",
                lang,
                actual=with_unit(number(float(case.actual[known].mean())), unit),
                error=with_unit(number(float(np.abs(case.actual - case.mean)[known].mean())), unit),
            )
        )
    return ("" if lang == "zh_TW" else " ").join(words)


def saw(found: Explanation, unit: str, lang: Language) -> Markup:
    """The window, the forecast and what came."""
    caption = tr(
        "Left of the dotted line is all that the model saw of the target: {window}. Right of it is the forecast.",
        lang,
        window=span(len(found.case.history), found.case.frequency, lang),
    )
    return figure(figures.window_chart(found.case, unit, lang), caption)


def mattered(found: Explanation, unit: str, lang: Language) -> Markup:
    """Shapley values by feature, by block, by both, and by step ahead."""
    parts = [el("p", tr(
        "Every bar is a share of the difference between this forecast and the one without the window, averaged over "
        "the steps ahead: blue raised the forecast, orange lowered it. Together the bars give the whole difference.",
        lang,
    ))]  # fmt: skip
    headings = {"feature": tr("By input", lang), "block": tr("By time", lang)}
    for name, heading in headings.items():
        values = found.attributions[name].mean
        groups = found.attributions[name].groups.all
        order = np.argsort(-np.abs(values)) if name == "feature" else np.arange(len(values))
        names = [group_name(groups[index], found.case, lang) for index in order]
        # Over the steps, whose errors go together, the mean error is an upper bound of the mean's error.
        error = found.attributions[name].error.mean(axis=1)
        drawing = ranked_bars(names, values[order], heading, errors=error[order])
        caption = [additivity(found, name, unit, lang)]
        if error.any():
            caption.append(tr("The thin line spans two standard errors of sampling to each side.", lang))
        parts.append(figure(drawing, ("" if lang == "zh_TW" else " ").join(caption), heading))
    return join(*parts, figures.cells(found, unit, lang), figures.ahead(found, unit, lang))


def additivity(found: Explanation, name: str, unit: str, lang: Language) -> str:
    """The sum, with what it leaves over."""
    each = found.attributions[name]
    return tr(
        "{base} without the window and {sum} from the bars make {prediction}; left over: {residual}.",
        lang,
        base=number(float(each.base.mean())),
        sum=signed_number(float(each.mean.sum())),
        residual=left_over(float(each.residual.mean()), float(each.prediction.mean()), lang),
        prediction=with_unit(number(float(each.prediction.mean())), unit),
    )


def general(found: Explanation, unit: str, lang: Language) -> Markup | None:
    """Permutation importance by feature and by block, and the Shapley values of a sample."""
    if not found.importance:
        return None
    usual = found.importance["feature"]
    metric = metric_name(found.metric, lang)
    parts = [el("p", tr(
        "How much larger the error ({metric}, now {score}) gets when an input is shuffled among {count} windows, so "
        "that each window gets it from another. The thin line spans two standard errors to each side, over {repeats} "
        "shuffles.",
        lang,
        metric=metric,
        score=number(usual.score),
        count=usual.windows,
        repeats=len(usual.repeats),
    ))]  # fmt: skip
    for name, heading in (("feature", tr("By input", lang)), ("block", tr("By time", lang))):
        each = found.importance[name]
        order = np.argsort(-each.mean) if name == "feature" else np.arange(len(each.mean))
        names = [group_name(each.groups.all[index], found.case, lang) for index in order]
        drawing = ranked_bars(names, each.mean[order], heading, errors=each.error[order])
        parts.append(figure(drawing, heading=heading))
    if found.sample_attributions is not None:
        sizes = found.sample_attributions.mean(axis=0)
        error = found.sample_attributions.std(axis=0) / np.sqrt(len(found.sample_attributions))
        order = np.argsort(-sizes)
        groups = found.attributions["feature"].groups.all
        names = [group_name(groups[index], found.case, lang) for index in order]
        heading = tr("How far each input usually moves a forecast", lang)
        caption = tr(
            "Size of the Shapley values of {count} other forecasts.", lang, count=len(found.sample_attributions)
        )
        drawing = ranked_bars(names, sizes[order], heading, errors=error[order], signed=False)
        parts.append(figure(drawing, caption, heading))
    return join(*parts)


def checks(found: Explanation, unit: str, lang: Language) -> Markup:
    """The deletion tests, drawn and in a table."""
    names = {
        "feature": tr("By input", lang),
        "block": tr("By time", lang),
        "cell": tr("By input and time", lang),
        "gradient": tr("Every single input", lang),
        "attention": tr("Attention", lang),
        "importance": tr("The model as a whole", lang),
    }
    intro = tr(
        "Inputs are taken away one after another, those that the explanation calls most important first. If it is "
        "right, the forecast moves farther, sooner, than when they go in a random order.",
        lang,
    )
    return deletion_tests(found.faithfulness, names, intro, unit, lang)


def deletion_tests(
    found: Mapping[str, Faithfulness], names: Mapping[str, str], intro: str, unit: str, lang: Language
) -> Markup:
    """Deletion tests in a table, and their curves; `names` of what each is about, `intro` before them."""
    rows = []
    for name, test in found.items():
        verdict = tr("holds", lang) if is_sure(test) else tr("with care", lang)
        cells = (number(test.ratio, 2), f"{test.beaten * 100:.0f}\u2009%", str(len(test.random)))
        rows.append(
            el("tr", el("th", names[name], scope="row"), *(el("td", cell, class_="num") for cell in cells),
               el("td", verdict))
        )  # fmt: skip
    heads = (tr("Times as far as random", lang), tr("Random orders beaten", lang), tr("Orders tried", lang))
    head = el(
        "tr",
        el("th", tr("Explanation", lang), scope="col"),
        *(el("th", text, class_="num", scope="col") for text in heads),
        el("th", tr("Result", lang), scope="col"),
    )
    table = el("div", el("table", el("thead", head), el("tbody", *rows)), class_="scroll")
    drawn = [figures.deletion(test, names[name], name, unit, lang) for name, test in found.items()]
    return join(el("p", intro), table, el("div", *drawn, class_="grid-2"))


def method(found: Explanation, unit: str, lang: Language) -> Markup:
    """What was computed, on what, and how exactly."""
    kinds = {
        "exact": tr("Shapley values, every combination tried", lang),
        "sampled": tr("Shapley values, sampled", lang),
        "gradients": tr("Integrated gradients", lang),
    }
    names = {
        "feature": tr("By input", lang),
        "block": tr("By time", lang),
        "cell": tr("By input and time", lang),
        "gradient": tr("Every single input", lang),
    }
    rows = []
    for name, each in found.attributions.items():
        left = signed_number(float(each.residual.mean()))
        words = tr(
            "{kind}; {count} predictions; left over: {residual}",
            lang,
            kind=kinds[each.method],
            count=f"{each.evaluations:,}",
            residual=with_unit(left, unit),
        )
        rows.append((names[name], words))
    caveat = tr(
        "Inputs that say the same thing can stand in for each other: a network may use either, or set one against the "
        "other, and the shares then follow what the network does, not what causes what.",
        lang,
    )
    return join(definition(rows), _notes(found, lang), el("p", caveat, class_="soft"))


def _notes(found: Explanation, lang: Language) -> Markup:
    items: Iterable[str] = (tr(note.message, lang, **dict(note.values)) for note in found.notes)
    return el("ul", *(el("li", item) for item in items), class_="notes")
