"""Fill, scale, transform, calendar: fitted on the training part, applied everywhere, inverted exactly."""

from tidegate.prepare.augment import AugmentOptions, augment, jitter_origins
from tidegate.prepare.options import CALENDAR_FEATURES, PrepareOptions
from tidegate.prepare.preparation import Preparation
from tidegate.prepare.prepared import Prepared
from tidegate.prepare.sequences import PreparedSequences, SequenceOptions, SequencePreparation

__all__ = [
    "CALENDAR_FEATURES",
    "AugmentOptions",
    "Preparation",
    "PrepareOptions",
    "Prepared",
    "PreparedSequences",
    "SequenceOptions",
    "SequencePreparation",
    "augment",
    "jitter_origins",
]
