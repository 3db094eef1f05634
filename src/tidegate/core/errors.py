"""Every error that tidegate raises for its user.

    TidegateError
    ├── ConfigError         an option has a value that cannot work        (also a ValueError)
    ├── DataError           the table cannot be used as it is             (also a ValueError)
    │   ├── ReadError       a file cannot be read or parsed
    │   ├── SchemaError     a column is missing, doubled or of the wrong kind
    │   ├── TimeError       time stamps are unsorted, doubled, mixed or without a frequency
    │   └── SplitError      a part of the split, or a window, does not fit
    ├── TrainingError       the loss stopped being a number              (also an ArithmeticError)
    ├── ArtifactError       a saved model is truncated, tampered with or too new
    ├── OutputError         a result cannot be written                    (also an OSError)
    ├── MissingExtraError   an optional library is not installed          (also an ImportError)
    └── NotFittedError      predict before fit                            (also a ValueError)

A message names the place (column, file line, option), what was expected, and the fix.
"""

from __future__ import annotations


class TidegateError(Exception):
    """Base of all errors that tidegate raises on purpose; the command line turns it into exit code 2."""


class ConfigError(TidegateError, ValueError):
    """An option has a value that cannot work."""


class DataError(TidegateError, ValueError):
    """The table cannot be used as it is."""


class ReadError(DataError):
    """A file cannot be read or parsed."""


class SchemaError(DataError):
    """A column is missing, doubled or of the wrong kind."""


class TimeError(DataError):
    """Time stamps are unsorted, doubled, mixed or without a frequency."""


class SplitError(DataError):
    """A part of the split, or a window, does not fit the series."""


class TrainingError(TidegateError, ArithmeticError):
    """Training cannot go on: the loss or a gradient is no longer a finite number."""


class ArtifactError(TidegateError):
    """A saved model is truncated, tampered with, or of a format this version does not know."""


class ExportError(TidegateError):
    """An exported model does not say what the model says, so that it is not kept."""


class OutputError(TidegateError, OSError):
    """A result cannot be written."""


class MissingExtraError(TidegateError, ImportError):
    """An optional library is needed and not installed."""


class NotFittedError(TidegateError, ValueError, AttributeError):
    """The estimator has not been fitted yet."""
