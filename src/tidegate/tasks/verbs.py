"""Which verbs make no sense for which task, and why: the one table that every door looks at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr

_SEQUENCES = {
    "backtest": (
        "a backtest moves a cutoff along one clock, and sequences share none: cross_validate() tests a {name} on "
        "every fold of them"
    ),
    "stream": "a {name} answers when a sequence is complete, not step by step: give predict() the sequences",
}
_ALARMS = {
    "cross_validate": (
        "folds of rows would train on what comes after them; a detector judges its test part row by row instead: see "
        "evaluate()"
    ),
    "audit": (
        "a detector judges one step at a time from a state that holds nothing later, which needs no proof on your data"
    ),
    "intervals": "a detector says how rare a value is, not where it will lie: see p_value in what predict() gives",
    "compare": (
        "compare() is for encoders of sequences; fit one AnomalyDetector for each set of options and see evaluate()"
    ),
}
_TEXTS = {
    "backtest": "a text has no clock to move a cutoff along: evaluate() reads its end, which no training has seen",
    "cross_validate": "folds of a text would train on what comes after them: evaluate() reads its end instead",
    "audit": "an audit looks for columns that know what is to come, and a text has none; copied() says what was copied",
    "intervals": "a token has no interval: stream().next() gives the probability of each",
}
_PAIRS = {
    "backtest": "pairs of texts have no clock to move a cutoff along: evaluate() scores a test part of their own",
    "cross_validate": "a {name} takes too long to train once for every fold: evaluate() scores its test part",
    "audit": "an audit looks for columns that know what is to come, and a source may: equal texts lie in one part",
    "intervals": "a text has no interval: evaluate() gives one of every score",
    "compare": "compare() is for encoders of sequences; fit one {name} for each set of options and see evaluate()",
    "stream": "a {name} writes when a source is complete, not step by step: give predict() the texts",
}
_CAPTIONS = {
    "backtest": "pictures share no clock to move a cutoff along: evaluate() scores pictures that no training has seen",
    "cross_validate": "a captioner trains too long for folds: give evaluate() other pictures, or fit other seeds",
    "audit": "an audit looks for columns that know what is to come, and a picture has none: see evaluate()",
    "intervals": "a caption has no interval: evaluate() gives one of every score",
    "compare": "compare() is for encoders of sequences; fit one Captioner for each set of options and see evaluate()",
    "stream": "a captioner looks at whole pictures, not step by step: give predict() the pictures",
}
_SPEECH = {
    "backtest": "recordings share no clock to move a cutoff along: evaluate() hears those that no training has heard",
    "cross_validate": "a transcriber trains too long for folds: give evaluate() other recordings, or fit other seeds",
    "audit": "an audit looks for columns that know what is to come, and a recording has none: see evaluate()",
    "intervals": "a text has no interval: predict() says how sure a transcriber is of its least sure word",
    "compare": "compare() is for encoders of sequences; fit one Transcriber for each set of options and see evaluate()",
}
REFUSED: Mapping[str, Mapping[str, str]] = {
    "forecaster": {
        "cross_validate": (
            "folds of rows would train on what comes after them: backtest() tests a Forecaster from several cutoffs"
        ),
        "compare": (
            "compare() is for encoders of sequences; backtest() one Forecaster for each set of options, such as "
            "network={{'encoder': 'transformer'}}"
        ),
    },
    "classifier": {
        **_SEQUENCES,
        "intervals": "a class has no interval: predict_proba() says how sure a Classifier is of each",
    },
    "regressor": _SEQUENCES,
    "detector": _ALARMS,
    "language": _TEXTS,
    "translator": _PAIRS,
    "transcriber": _SPEECH,
    "captioner": _CAPTIONS,
}


def require_verb(model: Any, verb: str) -> None:
    """Refuse a verb that makes no sense for the task of an estimator; what is no estimator of ours passes.

    Raises:
        ConfigError: it makes none, and why.
    """
    why = REFUSED.get(getattr(model, "task", ""), {}).get(verb)
    if why is not None:
        message = "{verb} is not for a {name}: {why}"
        raise ConfigError(tr(message, verb=verb, name=type(model).__name__, why=why.format(name=type(model).__name__)))
