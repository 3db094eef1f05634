"""Models of texts behind a server: scored and written on, piece by piece too, and translated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.core.translate import tr
from tidegate.runtime.language.model import TextModel
from tidegate.runtime.language.sampling import Sampling
from tidegate.runtime.translate.model import TranslationModel
from tidegate.serve.adapters.adapter import Adapter, Ask, check_options, row_of
from tidegate.serve.body import Body, plain_list
from tidegate.serve.settings import RequestError, Settings

SAMPLING = ("seed", "temperature", "top_k", "top_p")
MOST_TEXTS = 64


class Writing(Adapter[TextModel]):
    """Texts."""

    def read(self, body: Body) -> Ask:
        if body.texts is None:
            raise RequestError(422, tr("a language model takes texts"))
        return Ask(body.texts, size=sum(map(len, body.texts)))

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        found = []
        for ask in asks:
            scored = self.model.predict(ask.data)
            numbers = {"tokens": [len(one.tokens) for one in scored], "unknown": [one.unknown for one in scored]}
            names = ("perplexity", "bits_per_character")
            found.append({name: [getattr(one, name) for one in scored] for name in names} | numbers)
        return found

    def take(self, stream: Any, row: Mapping[str, Any]) -> dict[str, Any] | None:
        text, _ = row_of(row)
        found = stream.update(text)
        return {"tokens": list(found.tokens), "nats": plain_list(found.nats), "next": stream.next(5)}

    def generate(self, asked: Any, settings: Settings) -> dict[str, Any]:
        """Texts that continue a prompt.

        Raises:
            RequestError: 422, it asks for what cannot be, or for more than is allowed.
        """
        if not isinstance(asked, dict):
            raise RequestError(422, tr("expected a JSON object with {keys}", keys="prompt, length, count, stop"))
        check_options(asked, ("prompt", "length", "count", "stop", *SAMPLING))
        length, count, prompt = asked.get("length", 200), asked.get("count", 1), asked.get("prompt", "")
        for name, value, most in (("length", length, settings.max_length), ("count", count, MOST_TEXTS)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise RequestError(422, tr("{name} is a whole number from 1 to {most}", name=name, most=most))
        stop = asked.get("stop", [])
        if not isinstance(prompt, str) or len(prompt) > settings.max_rows or not isinstance(stop, list):
            raise RequestError(422, tr("prompt is a text, and stop a list of texts"))
        try:
            drawn = Sampling(**{name: asked[name] for name in SAMPLING if name in asked})
        except TypeError as error:
            raise RequestError(422, tr("the options of sampling cannot be read")) from error
        written = self.model.generate(prompt, length=length, count=count, stop=stop, sampling=drawn)
        return {"texts": [one.text for one in written], "new": [one.new for one in written]}

    def inputs(self) -> dict[str, Any]:
        return {"vocabulary": len(self.model.vocabulary)}


class Translating(Adapter[TranslationModel]):
    """Texts translated."""

    def read(self, body: Body) -> Ask:
        if body.texts is None:
            raise RequestError(422, tr("a translator takes texts"))
        return Ask(body.texts, alike=True, size=sum(map(len, body.texts)))

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        found = iter(self.model.translate([text for ask in asks for text in ask.data]))
        names = ("source", "text", "log_probability", "score")
        best = [[next(found)[0] for _ in ask.data] for ask in asks]
        return [{name: [getattr(one, name) for one in own] for name in names} for own in best]

    def inputs(self) -> dict[str, Any]:
        return {"source": len(self.model.source), "target": len(self.model.target)}
