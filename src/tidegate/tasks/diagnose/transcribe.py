"""A fitted transcriber opened for examination, or trained again with other options."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tidegate.diagnose.evidence import SpeechEvidence
from tidegate.evaluate.text.metrics import cer
from tidegate.runtime.transcribe.ctc import BLANK, Greedy
from tidegate.tasks.diagnose.trainee import verdicts
from tidegate.tasks.transcribe.fit import texts_of

LOOKED_AT = 100  # recordings of a part


def make_evidence(model: Any) -> tuple[SpeechEvidence]:
    """What it writes down of training and validation recordings, symbol by symbol without a language, for
    `tidegate.diagnose`."""
    fitted, own = model.fitted_, model.model_
    written, said, blanks = {}, {}, []
    for part in ("train", "validation"):
        places = fitted.parts[part]
        places = places[np.unique(np.linspace(0, len(places) - 1, LOOKED_AT).astype(np.int64))]
        shares = own.shares(fitted.sequences.take(places))
        said[part] = tuple(texts_of(fitted.sequences, places))
        written[part] = tuple(_read(own, one) for one in shares)
        blanks += [one.argmax(axis=1) == BLANK for one in shares] if part == "train" else []
    evidence = SpeechEvidence(
        history=fitted.history,
        verdicts=partial(verdicts, model),
        config=model.flat_options(),
        written=written["validation"],
        references=said["validation"],
        looked={part: len(own) for part, own in written.items()},
        rates={part: cer()(written[part], said[part]) for part in written},
        empty=sum(not text for text in written["train"]) / len(written["train"]),
        blank=float(np.concatenate(blanks).mean()),
        seconds=float(fitted.sequences.lengths[fitted.parts.train].sum() * own.preparation.hop),
    )
    return (evidence,)


def _read(own: Any, shares: Any) -> str:
    greedy = Greedy()
    greedy.push(shares)
    return " ".join(own.vocabulary.decode(greedy.best()).split())
