"""Fill, scale, transform, calendar: fitted on the training part, applied everywhere, inverted exactly."""

from tidegate.prepare.augment import AugmentOptions, augment, jitter_origins
from tidegate.prepare.options import CALENDAR_FEATURES, PrepareOptions
from tidegate.prepare.sequence.preparation import PreparedSequences, SequenceOptions, SequencePreparation
from tidegate.prepare.table.preparation import Preparation
from tidegate.prepare.table.prepared import Prepared

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
