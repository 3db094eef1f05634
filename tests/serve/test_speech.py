"""Transcribers and translators behind a server: what they answer is what the model says, whole or piece by piece."""

import base64
import io
import wave
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import tidegate as tg
from tests.serve.models import asked
from tests.tasks.transcribe.voices import RATE, say, spoken
from tests.tasks.translate.models import SIZES, reversed_digits
from tidegate.serve.app import Server


@pytest.fixture(scope="module")
def hears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transcriber's folder."""
    options: dict[str, Any] = {"hidden_size": 20, "num_layers": 1, "dropout": 0.0, "learning_rate": 0.03}
    made = tg.Transcriber(
        **options, max_epochs=8, batch_size=4, bidirectional=False, preparation={"tokens": "char", "stack": 2}
    )
    waves, texts, speakers = spoken(24)
    fitted = made.fit(waves, texts, speakers=speakers, rate=RATE, mels=16, progress=False)
    return Path(fitted.save(tmp_path_factory.mktemp("heard") / "hear" / "model"))


def pcm() -> bytes:
    return np.round(say("on off", seed=5) * 32767).astype("<i2").tobytes()


def wav() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm())
    return out.getvalue()


def test_a_recording_and_its_pieces_are_written_down_as_the_model_does(hears: Path) -> None:
    samples = np.frombuffer(pcm(), "<i2").astype(np.float32) / 32768
    expected = tg.load(hears).model_.hear(samples, RATE)

    async def talk(client: httpx.AsyncClient, server: Server) -> None:
        found = await client.post("/models/hear/predict", content=wav(), headers={"content-type": "audio/wav"})
        assert found.status_code == 200, found.text
        assert found.json()["columns"]["text"] == [expected.text]
        assert [word["text"] for word in found.json()["columns"]["words"][0]] == [own.text for own in expected.words]
        given = await client.post("/models/hear/predict", json={"sequences": [samples.tolist()]})
        assert given.json()["columns"]["text"] == [expected.text]
        session = (await client.post("/models/hear/sessions", json={"endpoint": None})).json()["session"]
        sound, texts = pcm(), []
        for first in range(0, len(sound), 1001):  # odd: half a sample is kept for the next piece
            row = {"values": base64.b64encode(sound[first : first + 1001]).decode()}
            answer = await client.post(f"/sessions/{session}/update", json=row)
            assert answer.status_code == 200, answer.text
            if first == 2002:
                server.sessions.hot.clear()  # as after a restart: the journal is played again
        texts = (await client.post(f"/sessions/{session}/update", json={"finish": True})).json()["answer"]
        assert texts["finished"]["text"] == [expected.text]
        assert texts["text"] == ""

    asked([hears], talk)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b"RIFFnone", "audio/wav", "no WAV file"),
        (b'{"texts": ["a"]}', "application/json", "takes a WAV file"),
        (b'{"sequences": [[]]}', "application/json", "finite numbers"),
        (b'{"sequences": [["a"]]}', "application/json", "no number"),
    ],
)
def test_what_is_no_sound_is_refused(hears: Path, body: bytes, kind: str, message: str) -> None:
    async def talk(client: httpx.AsyncClient, server: Server) -> None:
        found = await client.post("/models/hear/predict", content=body, headers={"content-type": kind})
        assert found.status_code == 422
        assert message in found.json()["error"]["message"]
        session = (await client.post("/models/hear/sessions", json={})).json()["session"]
        for row in ({"values": "?"}, {"values": 3}, {"values": [1e999]}, {}, {"values": [], "time": 3}):
            text = repr(row).replace("'", '"')
            answer = await client.post(f"/sessions/{session}/update", content=text)
            assert answer.status_code in (400, 422)
        assert (await client.get(f"/sessions/{session}")).json()["updates"] == 0

    asked([hears], talk)


def test_texts_are_translated_and_a_session_is_refused(tmp_path: Path) -> None:
    made = tg.Translator(**SIZES, max_epochs=1, training={"batch_tokens": 150})
    model = made.fit(reversed_digits(120), validation=20, test=20)
    texts = ["12", "987", "4"]
    expected = [own[0] for own in model.translate(texts)]

    async def talk(client: httpx.AsyncClient, server: Server) -> None:
        found = (await client.post("/models/turn/predict", json={"texts": texts})).json()["columns"]
        assert found["text"] == [own.text for own in expected]
        assert np.allclose(found["score"], [own.score for own in expected])
        refused = await client.post("/models/turn/sessions", json={})
        assert refused.status_code == 422
        assert "when a source is complete" in refused.json()["error"]["message"]
        assert (await client.post("/models/turn/predict", json={})).status_code == 422

    asked([Path(model.save(tmp_path / "turn" / "model"))], talk)
