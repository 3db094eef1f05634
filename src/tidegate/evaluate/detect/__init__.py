"""Alarms on a clock beside baselines: events found, delay, false alarms, and what flatters."""

from tidegate.evaluate.detect.evaluate import evaluate_alarms
from tidegate.evaluate.detect.evaluation import DetectionEvaluation
from tidegate.evaluate.detect.events import Event, EventCounts, Watched, count_events, events
from tidegate.evaluate.detect.points import adjusted_f1, point_scores

__all__ = [
    "DetectionEvaluation",
    "Event",
    "EventCounts",
    "Watched",
    "adjusted_f1",
    "count_events",
    "evaluate_alarms",
    "events",
    "point_scores",
]
