"""Words for what an explanation names: features, blocks of steps, tests."""

from __future__ import annotations

from tidegate.core.translate import Language, tr
from tidegate.explain.deletion import Faithfulness
from tidegate.explain.explanation import Case
from tidegate.explain.groups import Group
from tidegate.report.page.words import span
from tidegate.report.svg.heat import signed_number
from tidegate.report.svg.ticks import number

CALENDAR = "calendar:"
SURE = 0.9  # share of random orders that an explanation must beat


def feature_name(feature: str, lang: Language) -> str:
    """A column as it is named, a calendar feature in words."""
    words = {
        "minute": tr("Minute of the hour", lang),
        "hour": tr("Hour of the day", lang),
        "day_of_week": tr("Day of the week", lang),
        "day_of_year": tr("Time of the year", lang),
        "month": tr("Month", lang),
        "day_of_month": tr("Day of the month", lang),
        "holiday": tr("Holidays", lang),
    }
    if not feature.startswith(CALENDAR):
        return feature
    name = feature.removeprefix(CALENDAR)
    return words.get(name, name)


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


def group_name(group: Group, case: Case, lang: Language) -> str:
    """A group by its feature, or by its steps where it has all features."""
    return feature_name(group.feature, lang) if group.feature is not None else steps_name(group, case, lang)


def with_unit(value: str, unit: str) -> str:
    """`183.1 vehicles per hour`."""
    return f"{value} {unit}".rstrip()


def is_sure(test: Faithfulness) -> bool:
    """Whether an explanation's order can be told from chance."""
    return test.beaten >= SURE and test.ratio > 1


def deletion_words(test: Faithfulness, lang: Language) -> str:
    """One sentence on a deletion test."""
    values = {"ratio": number(test.ratio, 2), "beaten": number(100 * test.beaten, 0), "orders": len(test.random)}
    if is_sure(test):
        return tr(
            "Taking away what it calls important first moves the result {ratio} times as far as a random order does, "
            "farther than {beaten} % of {orders} random orders: the explanation holds.",
            lang,
            **values,
        )
    return tr(
        "Taking away what it calls important first moves the result {ratio} times as far as a random order does, "
        "farther than only {beaten} % of {orders} random orders: read the order of importance with care.",
        lang,
        **values,
    )


def left_over(residual: float, whole: float, lang: Language) -> str:
    """A residual as a number, or in words where it is the rounding of the sum alone."""
    if abs(residual) <= 1e-6 * max(abs(whole), 1e-12):
        return tr("nothing but rounding", lang)
    return signed_number(residual)
