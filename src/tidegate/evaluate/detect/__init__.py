"""Judging alarms on a clock: events found, delay, false alarms, and what flatters."""

from tidegate.evaluate.detect.evaluation import DetectionEvaluation
from tidegate.evaluate.detect.events import Event, EventCounts, Watched, count_events, events
from tidegate.evaluate.detect.judge import judge_alarms
from tidegate.evaluate.detect.points import adjusted_f1, point_scores

__all__ = [
    "DetectionEvaluation",
    "Event",
    "EventCounts",
    "Watched",
    "adjusted_f1",
    "count_events",
    "events",
    "judge_alarms",
    "point_scores",
]
