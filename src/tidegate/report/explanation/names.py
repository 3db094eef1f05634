"""Words for what an explanation names: features, blocks of steps, kinds of groups, tests."""

from __future__ import annotations

from tidegate.core.translate import Language, tr
from tidegate.explain.deletion import Faithfulness
from tidegate.explain.groups import Group
from tidegate.explain.inputs import Case
from tidegate.report.page.parts import with_unit
from tidegate.report.page.words import span
from tidegate.report.svg.heat import signed_number
from tidegate.report.svg.ticks import number

CALENDAR = "calendar:"
SURE = 0.9  # share of random orders that an explanation must beat
_CLOCK = {
    "minute": "Minute of the hour",
    "hour": "Hour of the day",
    "day_of_week": "Day of the week",
    "day_of_year": "Time of the year",
    "month": "Month",
    "day_of_month": "Day of the month",
    "holiday": "Holidays",
}
_KINDS = {
    "feature": "By input",
    "block": "By time",
    "cell": "By input and time",
    "word": "By word",
    "gradient": "Every single input",
    "attention": "Attention",
    "importance": "The model as a whole",
}
_METHODS = {
    "exact": "Shapley values, every combination tried",
    "sampled": "Shapley values, sampled",
    "gradients": "Integrated gradients",
}
_DELETED = (
    "Taking away what it calls important first moves the result {ratio} times as far as a random order does, "
    "farther than {beaten} % of {orders} random orders: the explanation holds.",
    "Taking away what it calls important first moves the result {ratio} times as far as a random order does, "
    "farther than only {beaten} % of {orders} random orders: read the order of importance with care.",
)


def kind_name(kind: str, lang: Language) -> str:
    """What inputs were grouped by, or what was tested."""
    return tr(_KINDS[kind], lang)


def way_name(method: str, lang: Language) -> str:
    """How an attribution was computed."""
    return tr(_METHODS[method], lang)


def feature_name(feature: str, lang: Language) -> str:
    """A column as it is named, a calendar feature in words."""
    name = feature.removeprefix(CALENDAR)
    return tr(_CLOCK[name], lang) if name != feature and name in _CLOCK else name


def steps_name(group: Group, case: Case, lang: Language) -> str:
    """When a block of steps was: `the last 24 hours`, `2 to 3 days before`."""
    if group.first is None or group.end is None:
        return tr("Fixed for the series", lang)
    if group.first >= 0:
        return tr("The steps ahead", lang)
    if group.end == 0:
        return tr("The last {span}", lang, span=span(-group.first, case.frequency, lang))
    near, far = span(-group.end, case.frequency, lang), span(-group.first, case.frequency, lang)
    return tr("{near} to {far} before", lang, near=near, far=far)


def is_sure(test: Faithfulness) -> bool:
    """Whether an explanation's order can be told from chance."""
    return test.beaten >= SURE and test.ratio > 1


def deletion_words(test: Faithfulness, lang: Language) -> str:
    """One sentence on a deletion test."""
    values = {"ratio": number(test.ratio, 2), "beaten": number(100 * test.beaten, 0), "orders": len(test.random)}
    return tr(_DELETED[0] if is_sure(test) else _DELETED[1], lang, **values)


def left_over(residual: float, whole: float, lang: Language, unit: str = "") -> str:
    """A residual as a number with its unit, or in words where it is the rounding of the sum alone."""
    if abs(residual) <= 1e-6 * max(abs(whole), 1e-12):
        return tr("nothing but rounding", lang)
    return with_unit(signed_number(residual), unit)
