"""A captioner behind a server: what it answers is what the model says, of a file as of pixels."""

import io
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from tests.serve.models import asked
from tests.tasks.caption.pictures import SIZES, bars
from tidegate import Captioner
from tidegate.serve.app import Server


def test_pictures_are_described_and_what_is_none_is_refused(tmp_path: Path) -> None:
    model = Captioner(**SIZES, max_epochs=1).fit(*bars(40), size=16, validation=8, test=8, progress=False)
    pictures, file = bars(3, seed=5)[0], io.BytesIO()
    expected = [own[0] for own in model.caption(pictures)]
    Image.fromarray(pictures[0]).save(file, "PNG")

    async def talk(client: httpx.AsyncClient, server: Server) -> None:
        async def post(content: bytes, kind: str) -> httpx.Response:
            return await client.post("/models/see/predict", content=content, headers={"content-type": kind})

        found = (await post(file.getvalue(), "image/png")).json()["columns"]
        assert found["text"] == [expected[0].text]
        assert np.allclose(found["score"], [expected[0].score])
        given = await client.post("/models/see/predict", json={"sequences": [own.tolist() for own in pictures]})
        assert given.json()["columns"]["text"] == [own.text for own in expected]
        for content, kind, said in (
            (file.getvalue()[:60], "image/png", "no picture"),
            (b"<svg/>", "image/jpeg", "no picture"),
            (b'{"sequences": [[[1, 2], [3]]]}', "application/json", "no picture"),
            (b'{"sequences": [[["a"]]]}', "application/json", "no picture"),
            (b'{"texts": ["a"]}', "application/json", "takes a picture file"),
            (b"{}", "application/json", "takes a picture file"),
        ):
            refused = await post(content, kind)
            assert refused.status_code == 422, refused.text
            assert said in refused.json()["error"]["message"]

    asked([Path(model.save(tmp_path / "see" / "model"))], talk)
