"""Streams over WebSocket, without a socket."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.serve.models import LOAD
from tidegate.runtime.model import load
from tidegate.serve.app import Server
from tidegate.serve.settings import Settings

LOCAL = {"host": "localhost"}


def test_a_stream_answers_each_row_and_goes_on_where_it_was(served: dict[str, Path]) -> None:
    server, stream = Server([served["forecast"]], Settings()), load(served["forecast"]).stream()
    with TestClient(server.app, base_url="http://localhost") as client:
        with client.websocket_connect("/models/forecast/stream", headers=LOCAL) as socket:
            session = socket.receive_json()["session"]
            for number, value in enumerate(LOAD[:5].tolist(), 1):
                socket.send_json({"values": value})
                found = socket.receive_json()
                assert found["updates"] == number
                assert found["answer"]["mean"] == stream.update(value).values.mean.reshape(-1).tolist()
            for wrong in ("{", '{"values": "x"}', '{"value": 1}'):
                socket.send_text(wrong)
                assert "error" in socket.receive_json()
        with client.websocket_connect(f"/models/forecast/stream?session={session}", headers=LOCAL) as socket:
            assert socket.receive_json()["updates"] == 5
        with client.websocket_connect("/models/nothing/stream", headers=LOCAL) as socket:
            assert socket.receive_json()["error"]["status"] == 404
        refused = client.websocket_connect(
            "/models/forecast/stream", headers={**LOCAL, "origin": "https://evil.example"}
        )
        with pytest.raises(WebSocketDisconnect), refused:
            pass
