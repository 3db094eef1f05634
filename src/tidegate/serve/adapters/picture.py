"""A captioner behind a server: a picture file, or arrays of pixels, and the sentences for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tidegate.core.errors import TidegateError
from tidegate.core.translate import tr
from tidegate.runtime.caption.model import CaptionModel
from tidegate.serve.adapters.adapter import Adapter, Ask
from tidegate.serve.body import Body
from tidegate.serve.settings import RequestError


class Showing(Adapter[CaptionModel]):
    """Pictures described."""

    def read(self, body: Body) -> Ask:
        try:
            if body.picture is not None:
                from tidegate.data.sources.media.pictures import open_picture

                found = [open_picture(body.picture)]
            elif body.sequences is not None:
                found = [np.asarray(own) for own in body.sequences]
            else:
                raise RequestError(422, tr("a captioner takes a picture file, or sequences of pixels"))
            held = [self.model.source.fitted(_bytes(picture)) for picture in found]
        except (TidegateError, ValueError) as error:
            if isinstance(error, RequestError):
                raise
            raise RequestError(422, tr("the body is no picture: {error}", error=error)) from error
        return Ask(held, alike=True, size=len(held))

    def answer(self, asks: Sequence[Ask]) -> list[dict[str, Any]]:
        found = iter(self.model.caption([picture for ask in asks for picture in ask.data]))
        best = [[next(found)[0] for _ in ask.data] for ask in asks]
        return [
            {name: [getattr(one, name) for one in own] for name in ("text", "log_probability", "score")} for own in best
        ]

    def inputs(self) -> dict[str, Any]:
        height, width, colours = self.model.source.shape
        return {"height": height, "width": width, "colours": colours, "vocabulary": len(self.model.target)}


def _bytes(picture: Any) -> Any:
    """Whole numbers of JSON as the 8-bit numbers that they are, if they can be."""
    if picture.dtype.kind in "iu" and picture.size and picture.min() >= 0 and picture.max() <= 255:
        return picture.astype(np.uint8)
    return picture
