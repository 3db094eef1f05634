"""A server asked in its own process: it says what the model says, refuses what cannot be, and shows nothing inside."""

import asyncio
import base64
import csv
import io
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate as tg
from tests.serve.models import LOAD, NEXT, SEQUENCES, TABLE, asked
from tidegate.core.errors import ConfigError
from tidegate.runtime.model import load
from tidegate.serve.app import Server
from tidegate.serve.settings import Settings
from tidegate.serve.tokens import new_token

Served = dict[str, Path]


def numbers(values: Any) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def as_csv(columns: dict[str, Any]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue().encode()


def test_forecasts_are_the_models_whatever_they_come_in(served: Served) -> None:
    fitted, first = tg.load(served["forecast"]), load(served["forecast"])
    own = fitted.forecast_columns(TABLE)
    expected = np.stack([own[name] for name in ("mean", "q0.1", "q0.9")])
    rows = {"time": [str(hour) for hour in TABLE["time"]], "load": TABLE["load"].tolist()}
    turned = [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]

    async def talk(client: Any, server: Server) -> None:
        bodies: list[dict[str, Any]] = [{"json": {"columns": rows}}, {"json": {"rows": turned}}, {"json": {}}]
        bodies.append({"content": as_csv(rows), "headers": {"content-type": "text/csv"}})
        arrow = pytest.importorskip("pyarrow")
        sink = arrow.BufferOutputStream()
        table = arrow.table({"time": TABLE["time"].astype("datetime64[us]"), "load": TABLE["load"]})
        with arrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        kind = "application/vnd.apache.arrow.stream"
        bodies.append({"content": sink.getvalue().to_pybytes(), "headers": {"content-type": kind}})
        for body in bodies:
            found = (await client.post("/models/forecast/predict", **body)).json()
            columns = found["columns"]
            assert np.allclose([columns[name] for name in ("mean", "q0.1", "q0.9")], expected, rtol=1e-6)
            assert columns["time"][0] == "2024-01-07T16:00:00"
        answer = await client.post("/models/forecast/predict", json={}, headers={"accept": "text/csv"})
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert np.allclose([float(line["mean"]) for line in lines], expected[0])
        answer = await client.post("/models/forecast/predict", json={}, headers={"accept": kind})
        back = arrow.ipc.open_stream(answer.content).read_all()
        assert np.allclose(back["q0.9"].to_numpy(), expected[2])
        names = [one["name"] for one in (await client.get("/models")).json()]
        assert names == ["forecast"]
        assert (await client.get("/models/forecast")).json()["inputs"]["rows"] >= 12

    asked([served["forecast"]], talk)
    assert first.task == "forecaster"


def test_covariates_that_are_known_ahead_are_given_or_missed(served: Served) -> None:
    rows = {"time": NEXT["time"], "load": NEXT["load"], "heat": [value / 2 for value in NEXT["load"]]}
    ahead = {"heat": [20.0, 21.0, 22.0, 23.0]}
    table = {name: np.array(values) for name, values in rows.items()}
    table["time"] = table["time"].astype("datetime64[us]")
    times = TABLE["time"][-1] + np.arange(1, 5).astype("timedelta64[h]")
    expected = tg.load(served["known"]).forecast_columns(table, future={"time": times, **ahead})

    async def talk(client: Any, server: Server) -> None:
        answer = (await client.post("/models/known/predict", json={"columns": rows, "future": ahead})).json()
        assert np.allclose(answer["columns"]["mean"], expected["mean"], rtol=1e-6)
        for future in (None, {"heat": [1.0]}, {"heat": ["x"] * 4}, {"heat": [1e308] * 4}, {"rain": [1.0] * 4}):
            answer = await client.post("/models/known/predict", json={"columns": rows, "future": future})
            assert answer.status_code == 422, future
            assert "heat" in answer.json()["error"]["message"] or "4 steps" in answer.json()["error"]["message"]

    asked([served["known"]], talk)


def test_clients_that_come_together_are_answered_together_and_alike(served: Served) -> None:
    first = load(served["forecast"])
    sizes: list[int] = []

    async def talk(client: Any, server: Server) -> None:
        server.shelf.batches = sizes.append
        bodies = [{"columns": {name: values[k:] for name, values in NEXT.items()}} for k in range(12)]
        bodies.insert(5, {"columns": {"time": NEXT["time"][:3], "load": NEXT["load"][:3]}})  # too short
        bodies.insert(
            7, {"columns": {"time": NEXT["time"], "load": [1e300] * len(NEXT["load"])}}
        )  # fails in the network
        asks = [client.post("/models/forecast/predict", json=body) for body in bodies]
        answers = await asyncio.gather(*asks)
        for body, answer in zip(bodies, answers, strict=True):
            alone = await client.post("/models/forecast/predict", json=body)
            assert answer.status_code == alone.status_code
            if alone.status_code == 200:
                assert np.allclose(answer.json()["columns"]["mean"], alone.json()["columns"]["mean"], rtol=1e-6)
        assert [answer.status_code for answer in answers].count(200) >= 12

    asked([served["forecast"]], talk)
    assert max(sizes) > 1
    assert first.task == "forecaster"


def test_every_task_predicts(served: Served) -> None:
    table = {name: np.array(values) for name, values in NEXT.items()}
    table["time"] = table["time"].astype("datetime64[us]")
    scores = tg.load(served["detect"]).score_columns(table)
    classes = tg.load(served["classify"]).predict_columns(SEQUENCES)
    values = load(served["regress"]).predict

    async def talk(client: Any, server: Server) -> None:
        found = (await client.post("/models/detect/predict", json={"columns": NEXT})).json()["columns"]
        assert np.allclose(numbers(found["score"]), scores["score"], equal_nan=True)
        assert found["alarm"] == scores["alarm"].tolist()
        given = {"sequences": [part.tolist() for part in SEQUENCES]}
        found = (await client.post("/models/classify/predict", json=given)).json()["columns"]
        assert found["label"] == [str(label) for label in classes["label"]]
        assert np.allclose(numbers(found["p:a"]) + numbers(found["p:b"]), 1)
        found = (await client.post("/models/regress/predict", json=given)).json()["columns"]
        assert len(found["id"]) == 30
        found = (await client.post("/models/generate/predict", json={"texts": ["a b a"]})).json()["columns"]
        assert found["perplexity"][0] > 1
        asking = {"prompt": "a", "length": 12, "seed": 1}
        texts = [(await client.post("/models/generate/generate", json=asking)).json()["texts"] for _ in range(2)]
        assert texts[0] == texts[1]
        assert texts[0][0].startswith("a")

    asked([served[name] for name in ("detect", "classify", "regress", "generate")], talk)
    assert callable(values)


ROWS_OF: dict[str, list[Any]] = {
    "forecast": [51.0, {"load": 52.0}, None],
    "detect": [51.0, 400.0, None],
    "classify": [[0.1, 0.2], [1.0, None], [0.3, 0.4]],
    "regress": [[0.1, 0.2], [1.0, 2.0], [0.3, 0.4]],
    "generate": ["a b", " a", "b"],
}


@pytest.mark.parametrize("name", ROWS_OF)
def test_a_session_says_what_a_stream_says_and_survives_a_restart(name: str, served: Served, tmp_path: Path) -> None:
    place, rows = tmp_path / "sessions.sqlite", ROWS_OF[name]
    answers: list[Any] = []
    kept: dict[str, Any] = {}

    async def first(client: Any, server: Server) -> None:
        answer = await client.post(f"/models/{name}/sessions", json={"id": "one"})
        assert answer.json()["updates"] == 0
        for number, row in enumerate(rows, 1):
            found = (await client.post("/sessions/one/update", json={"values": row})).json()
            assert found["updates"] == number
            answers.append(found["answer"])
        kept["snapshot"] = (await client.get("/sessions/one/snapshot")).content
        answer = await client.post("/sessions/one/update", json={"values": rows[0]})
        answers.append(answer.json()["answer"])

    async def second(client: Any, server: Server) -> None:
        found = (await client.get("/sessions/one")).json()
        assert (found["updates"], found["model"]) == (4, name)
        assert (await client.put("/sessions/one/snapshot", content=kept["snapshot"])).status_code == 200
        found = (await client.post("/sessions/one/update", json={"values": rows[0]})).json()
        assert found["answer"] == answers[3]
        text = base64.b64encode(kept["snapshot"]).decode()
        found = (await client.post(f"/models/{name}/sessions", json={"snapshot": text})).json()
        found = (await client.post(f"/sessions/{found['session']}/update", json={"values": rows[0]})).json()
        assert found["answer"] == answers[3]
        broken = await client.put("/sessions/one/snapshot", content=kept["snapshot"][:-1])
        assert broken.status_code == 422
        assert (await client.delete("/sessions/one")).status_code == 200
        assert (await client.get("/sessions/one")).status_code == 404

    asked([served[name]], first, sessions=place)
    asked([served[name]], second, sessions=place)
    stream = load(served[name]).stream()
    if name == "forecast":
        expected = [stream.update(np.nan if row is None else row) for row in rows]
        for found, own in zip(answers, expected, strict=False):
            assert np.allclose(found["mean"], own.values.mean.reshape(-1))
    if name == "detect":
        expected = [stream.update(np.nan if row is None else row) for row in rows]
        assert answers[1]["alarm"] is expected[1].alarm
        assert answers[1]["score"] == expected[1].score
    if name == "generate":
        assert answers[0]["nats"] == stream.update("a b").nats.tolist()


def test_many_updates_are_folded_into_snapshots_and_none_is_lost(served: Served, tmp_path: Path) -> None:
    place = tmp_path / "sessions.sqlite"

    async def first(client: Any, server: Server) -> None:
        await client.post("/models/forecast/sessions", json={"id": "one"})
        for value in LOAD[:150]:
            await client.post("/sessions/one/update", json={"values": float(value)})
        server.sessions.hot.clear()  # as if others had pushed it out
        found = await client.post("/sessions/one/update", json={"values": 50.0})
        assert found.json()["updates"] == 151
        refused = await client.post("/sessions/one/update", json={"values": "x"})
        assert refused.status_code == 422
        assert (await client.get("/sessions/one")).json()["updates"] == 151

    async def second(client: Any, server: Server) -> None:
        stream = load(served["forecast"]).stream()
        for value in [*LOAD[:150].tolist(), 50.0]:
            stream.update(value)
        expected = stream.update(51.0).values.mean.reshape(-1)
        found = (await client.post("/sessions/one/update", json={"values": 51.0})).json()
        assert found["updates"] == 152
        assert found["answer"]["mean"] == expected.tolist()

    asked([served["forecast"]], first, sessions=place)
    with closing(sqlite3.connect(place)) as store:
        assert store.execute("SELECT count(*) FROM journal").fetchone()[0] == 151 % 64
    asked([served["forecast"]], second, sessions=place)


def test_sessions_end_when_they_are_not_used_but_not_when_the_clock_jumps(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(client: Any, server: Server) -> None:
        for name in ("a", "b", "c"):
            await client.post("/models/detect/sessions", json={"id": name})
        assert (await client.post("/models/detect/sessions", json={"id": "d"})).status_code == 429
        assert (await client.post("/models/detect/sessions", json={"id": "a"})).status_code == 429
        monkeypatch.setattr(time, "time", lambda: 4e9)
        assert server.sessions.expire() == 0
        assert (await client.get("/sessions/a")).status_code == 200
        moment = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: moment + 120)
        assert (await client.get("/sessions/a")).status_code == 404
        server.sessions.expire()
        assert server.sessions.count == 0

    asked([served["detect"]], talk, max_sessions=3, expire=100)


class Full:
    """A connection to a disk on which nothing more fits."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real = real

    def execute(self, words: str, *more: Any) -> Any:
        if words.startswith("INSERT"):
            raise sqlite3.OperationalError("database or disk is full")
        return self.real.execute(words, *more)


def test_a_full_disk_takes_no_update_in(served: Served, tmp_path: Path) -> None:
    async def talk(client: Any, server: Server) -> None:
        await client.post("/models/forecast/sessions", json={"id": "one"})
        before = (await client.post("/sessions/one/update", json={"values": 50.0})).json()
        real = server.sessions.store
        server.sessions.store = Full(real)  # type: ignore[assignment]
        answer = await client.post("/sessions/one/update", json={"values": 50.0})
        assert answer.status_code == 507
        assert (await client.get("/sessions/one")).json()["updates"] == before["updates"]
        server.sessions.store = real
        answer = await client.post("/sessions/one/update", json={"values": 50.0})
        assert answer.json()["updates"] == before["updates"] + 1

    asked([served["forecast"]], talk, sessions=tmp_path / "sessions.sqlite")


WRONG: list[tuple[str, str, Any, int]] = [
    ("POST", "/models/nothing/predict", b"{}", 404),
    ("GET", "/nothing", b"", 404),
    ("GET", "/models/forecast/predict", b"", 405),
    ("POST", "/models/forecast/predict", b"{", 400),
    ("POST", "/models/forecast/predict", b"[]", 422),
    ("POST", "/models/forecast/predict", b'{"columns": {"time": ["2024-01-01"], "load": [NaN]}}', 400),
    ("POST", "/models/forecast/predict", b'{"columns": {"time": ["2024-01-01"]}}', 422),
    ("POST", "/models/forecast/predict", b'{"columns": {"time": [], "load": []}}', 422),
    ("POST", "/models/forecast/predict", b'{"columns": {"load": [[1]]}}', 422),
    ("POST", "/models/forecast/predict", b'{"columns": {"load": [1' + b"0" * 400 + b"]}}", 422),
    ("POST", "/models/forecast/predict", b'{"rows": [1]}', 422),
    ("POST", "/models/forecast/predict", b'{"pickle": "x"}', 422),
    ("POST", "/models/forecast/predict", b"[" * 100_000, 400),
    ("POST", "/models/forecast/predict", json.dumps({"columns": {"load": [1.0] * 60}}).encode(), 413),
    ("POST", "/models/forecast/predict", b" " * 20_001, 413),
    ("POST", "/models/forecast/generate", b"{}", 422),
    ("POST", "/models/forecast/sessions", b'{"id": "../x"}', 422),
    ("POST", "/models/forecast/sessions", b'{"id": 5}', 422),
    ("POST", "/models/forecast/sessions", b'{"snapshot": "!"}', 422),
    ("POST", "/models/forecast/sessions", b'{"snapshot": "aGFsbG8="}', 422),
    ("POST", "/models/forecast/sessions", b'{"fresh": "yes"}', 422),
    ("POST", "/sessions/nothing/update", b'{"values": 1}', 404),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), WRONG)
def test_what_cannot_be_is_refused_in_plain_words(
    method: str, path: str, body: bytes, status: int, served: Served
) -> None:
    async def talk(client: Any, server: Server) -> None:
        answer = await client.request(method, path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status, answer.text
        error = answer.json()["error"]
        assert error["message"]
        assert str(served["forecast"].parent) not in answer.text
        assert "Traceback" not in answer.text

    asked([served["forecast"]], talk, max_rows=50, max_body=20_000 if body[:2] != b"[[" else 10**6)


def test_a_mistake_of_the_server_shows_nothing(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def talk(client: Any, server: Server) -> None:
        def broken(*_: Any) -> None:
            raise RuntimeError("secret /etc/passwd")

        monkeypatch.setattr(server.shelf.serving["forecast"].adapter, "answer", broken)
        answer = await client.post("/models/forecast/predict", json={})
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert (await client.get("/health")).status_code == 200

    asked([served["forecast"]], talk)
    assert "secret" in capsys.readouterr().err  # the log knows


def test_tokens_are_demanded_and_pages_of_other_sites_are_not_heard(served: Served, tmp_path: Path) -> None:
    place = tmp_path / "tokens"
    tokens = [new_token(place, "ann"), new_token(place, "bob")]
    assert not any(token in place.read_text() for token in tokens)
    assert place.stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="taken"):
        new_token(place, "ann")

    async def closed(client: Any, server: Server) -> None:
        for header in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {tokens[0]}"}):
            answer = await client.post("/models/forecast/predict", json={}, headers=header)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        for token in tokens:
            header = {"authorization": f"Bearer {token}"}
            answer = await client.post("/models/forecast/predict", json={}, headers=header)
            assert answer.status_code == 200
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/metrics")).status_code == 401

    async def local(client: Any, server: Server) -> None:
        for header in ({"host": "evil.example"}, {"origin": "https://evil.example"}, {"origin": "null"}):
            assert (await client.get("/models", headers=header)).status_code == 403
        assert (await client.get("/models", headers={"origin": "http://localhost"})).status_code == 200

    asked([served["forecast"]], closed, tokens=place)
    asked([served["forecast"]], local)
    with pytest.raises(ConfigError, match="can be reached from other machines"):
        Server([served["forecast"]], Settings(host="0.0.0.0"))
    for content in ("", "ann", "ann xyz"):
        place.write_text(content)
        with pytest.raises(ConfigError, match=r"token|line 1"):
            Server([served["forecast"]], Settings(tokens=place))


def test_counters_pages_and_readiness(served: Served) -> None:
    async def talk(client: Any, server: Server) -> None:
        await client.post("/models/forecast/predict", json={})
        text = (await client.get("/metrics")).text
        assert 'tidegate_requests_total{route="/models/{name}/predict",status="200"} 1.0' in text
        assert 'tidegate_model_info{name="forecast"' in text
        page = (await client.get("/docs")).text
        assert "/models/{name}/predict" in page
        assert "//" not in page.replace("http://www.w3.org", "").replace(
            "localhost:8000//", ""
        )  # nothing from elsewhere
        document = (await client.get("/openapi.json")).json()
        assert "/sessions/{id}/update" in document["paths"]
        assert (await client.get("/ready")).status_code == 200
        server.draining = True
        assert (await client.get("/ready")).status_code == 503

    asked([served["forecast"]], talk)
