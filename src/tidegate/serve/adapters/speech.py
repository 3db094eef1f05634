"""A transcriber behind a server: recordings, and voices whose sound comes piece by piece."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tidegate.core.errors import TidegateError
from tidegate.core.translate import tr
from tidegate.runtime.model import Stream
from tidegate.runtime.transcribe.model import SpeechModel
from tidegate.runtime.transcribe.transcript import Transcript
from tidegate.serve.adapters.adapter import Adapter, Ask, check_options
from tidegate.serve.body import Body, numbers
from tidegate.serve.settings import RequestError

KEYS = ("values", "finish")


class Hearing(Adapter[SpeechModel]):
    """Recordings written down."""

    def read(self, body: Body) -> Ask:
        if body.sound is not None:
            from tidegate.data.sources.media.sound import read_wav

            try:
                wave, rate = read_wav(body.sound)
            except TidegateError as error:
                raise RequestError(422, tr("the body is no WAV file: {error}", error=error)) from error
            found = [(wave if wave.ndim == 1 else wave.mean(axis=1), rate)]
        elif body.sequences is not None and all(isinstance(own, list) for own in body.sequences):
            rate = self.model.preparation.rate
            found = [(numbers(own, "sequences").astype(np.float32), rate) for own in body.sequences]
        else:
            raise RequestError(422, tr("a transcriber takes a WAV file, or sequences of samples"))
        if not all(len(wave) and np.isfinite(wave).all() for wave, _ in found):
            raise RequestError(422, tr("a recording holds samples that are finite numbers"))
        return Ask(found, size=sum(len(wave) for wave, _ in found))

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        return [columns([self.model.hear(*own) for own in ask.data]) for ask in asks]

    def open(self, options: Mapping[str, Any]) -> Stream:
        check_options(options, ("endpoint", "fresh"))
        endpoint = options.get("endpoint")
        if isinstance(endpoint, bool) or not isinstance(endpoint, (int, float, type(None))):
            raise RequestError(422, tr("{name} is of the wrong type", name="endpoint"))
        return self.model.stream(endpoint=endpoint)

    def take(self, stream: Any, row: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(row, dict) or not set(row) & set(KEYS):
            raise RequestError(422, tr("a row is an object with {keys}", keys=", ".join(KEYS)))
        check_options(row, KEYS)
        if not isinstance(row.get("finish", False), bool):
            raise RequestError(422, tr("{name} is of the wrong type", name="finish"))
        found = stream.update(samples(row.get("values", [])))
        finished = list(found.finished)
        if row.get("finish"):
            found = stream.finish()
            finished += found.finished
        return {"text": found.text, "seconds": found.seconds, "finished": columns(finished)}

    def inputs(self) -> dict[str, Any]:
        return {"rate": self.model.preparation.rate, "symbols": len(self.model.vocabulary)}


def columns(found: Sequence[Transcript]) -> dict[str, list[Any]]:
    """Texts, their seconds and confidences, and of each its words with their times."""
    names = ("text", "seconds", "confidence")
    words = [[vars(word) for word in one.words] for one in found]
    return {name: [getattr(one, name) for one in found] for name in names} | {"words": words}


def samples(values: Any) -> Any:
    """What a row holds: samples from -1 to 1, or 16-bit PCM as base64.

    Raises:
        RequestError: 422, it is neither.
    """
    if isinstance(values, str):
        try:
            return base64.b64decode(values, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestError(422, tr("{name} is no base64", name="values")) from error
    if not isinstance(values, list):
        raise RequestError(422, tr("values are samples, or 16-bit PCM as base64"))
    return numbers(values, "values")
