"""Alarms on a clock beside baselines: events found, delay, false alarms, and what flatters."""

from tidegate.evaluate.detect.evaluate import adjusted_f1, evaluate_alarms, point_scores
from tidegate.evaluate.detect.evaluation import DetectionEvaluation, DetectorEvaluation
from tidegate.evaluate.detect.events import Event, EventCounts, Watched, count_events, events

__all__ = [
    "DetectionEvaluation",
    "DetectorEvaluation",
    "Event",
    "EventCounts",
    "Watched",
    "adjusted_f1",
    "count_events",
    "evaluate_alarms",
    "events",
    "point_scores",
]
