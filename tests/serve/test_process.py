"""Real servers as processes: killed under load, told to end, and kept waiting by clients that say nothing."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serve.models import NEXT

CODE = "import sys; from tidegate.cli.main import main; main(sys.argv[1:])"


@contextmanager
def serving(*words: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server, and where it listens."""
    command = [sys.executable, "-c", CODE, "serve", *map(str, words), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        while line and not line.startswith("{"):
            line = process.stderr.readline()
        yield process, json.loads(line)["url"].replace("127.0.0.1", "localhost")
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_no_acknowledged_update_is_lost_when_it_is_killed(served: dict[str, Path], tmp_path: Path) -> None:
    place, acknowledged = tmp_path / "sessions.sqlite", dict.fromkeys(("a", "b", "c"), 0)

    async def load(process: Any, url: str) -> None:
        async with httpx.AsyncClient(base_url=url) as client:
            for name in acknowledged:
                assert (await client.post("/models/detect/sessions", json={"id": name})).status_code == 200

            async def go(name: str) -> None:
                while True:
                    answer = await client.post(f"/sessions/{name}/update", json={"values": 50.0})
                    acknowledged[name] = answer.json()["updates"]
                    if min(acknowledged.values()) >= 70:
                        process.kill()

            await asyncio.gather(*map(go, acknowledged), return_exceptions=True)

    with serving(served["detect"], "--sessions", place) as (process, url):
        asyncio.run(load(process, url))
    with serving(served["detect"], "--sessions", place) as (process, url):
        for name, count in acknowledged.items():
            found = httpx.get(f"{url}/sessions/{name}").json()["updates"]
            assert count <= found <= count + 1  # one more may have been written down and not been answered
        maps = Path(f"/proc/{process.pid}/maps").read_text() if Path("/proc").is_dir() else ""
        assert "torch" not in maps
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_requests_under_way_are_answered_before_it_ends(served: dict[str, Path]) -> None:
    with serving(served["generate"]) as (process, url):
        begun = httpx.get(f"{url}/ready").status_code
        assert begun == 200

        async def talk() -> list[int]:
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                asking = {"prompt": "a", "length": 3000}
                tasks = [asyncio.create_task(client.post("/models/generate/generate", json=asking)) for _ in range(2)]
                await asyncio.sleep(0.15)
                process.send_signal(signal.SIGTERM)
                return [answer.status_code for answer in await asyncio.gather(*tasks)]

        assert asyncio.run(talk()) == [200, 200]
        assert process.wait(timeout=20) == 0


def test_clients_that_say_nothing_hold_nobody_up_and_are_let_go(served: dict[str, Path]) -> None:
    with serving(served["forecast"], "--timeout", "1", "--max-connections", "60") as (_, url):
        host, port = "127.0.0.1", int(url.rpartition(":")[2])
        silent = [socket.create_connection((host, port)) for _ in range(40)]
        for number, each in enumerate(silent):
            if number % 2:
                each.sendall(b"POST /models/forecast/predict HTTP/1.1\r\nhost: localhost\r\n")
            if number % 4 == 3:
                each.sendall(b"content-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        begin = time.monotonic()
        assert httpx.post(f"{url}/models/forecast/predict", json={}).status_code == 200
        assert time.monotonic() - begin < 1
        for number, each in enumerate(silent):
            each.settimeout(20)
            found = each.recv(100)
            assert (b" 408 " in found) if number % 4 == 3 else (found == b"")
            each.close()


def test_two_thousand_connections_are_held_and_one_more_than_allowed_is_refused(served: dict[str, Path]) -> None:
    resource = pytest.importorskip("resource")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2_300:
        pytest.skip("too few open files are allowed")
    request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"

    async def one(port: int) -> tuple[bytes, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        return await reader.readline(), writer

    async def all_of(port: int) -> list[bytes]:
        kept = [await one(port) for _ in range(1_990)]
        await asyncio.sleep(0.5)  # while they idle, others are answered; of those that come at once, not all
        kept += await asyncio.gather(*(one(port) for _ in range(20)))
        for _, writer in kept:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in kept), return_exceptions=True)
        return [line for line, _ in kept]

    with serving(served["forecast"], "--max-connections", "2000", "--timeout", "120") as (_, url):
        found = asyncio.run(all_of(int(url.rpartition(":")[2])))
        assert set(found[:1_990]) == {b"HTTP/1.1 200 OK\r\n"}
        assert {line[9:12] for line in found} == {b"200", b"503"}
        time.sleep(0.5)
        assert httpx.post(f"{url}/models/forecast/predict", json={}).status_code == 200  # and afterwards as before


@pytest.mark.slow
def test_memory_stays_as_it_is_at_full_load(served: dict[str, Path]) -> None:
    """Ten minutes; after the first, memory grows by less than a twentieth."""
    body = {"columns": {"time": NEXT["time"], "load": NEXT["load"]}}

    async def load(url: str, seconds: float) -> None:
        until = time.monotonic() + seconds

        async def go(client: httpx.AsyncClient, name: str) -> None:
            await client.post("/models/forecast/sessions", json={"id": name})
            while time.monotonic() < until:
                assert (await client.post("/models/forecast/predict", json=body)).status_code == 200
                assert (await client.post(f"/sessions/{name}/update", json={"values": 50.0})).status_code == 200

        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await asyncio.gather(*(go(client, f"{seconds:.0f}-{number}") for number in range(16)))

    def memory(pid: int) -> int:
        return int(Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2].split()[0])

    if not Path("/proc/self/status").exists():
        pytest.skip("reads /proc")
    with serving(served["forecast"]) as (process, url):
        asyncio.run(load(url, 60))
        before = memory(process.pid)
        asyncio.run(load(url, 540))
        assert memory(process.pid) < 1.05 * before


@pytest.mark.parametrize("words", [("--host", "0.0.0.0"), ("--port", "99999"), ("--certificate", "x")])
def test_settings_that_cannot_be_are_refused_at_once(words: tuple[str, ...], served: dict[str, Path]) -> None:
    from tidegate.cli.main import run

    assert run(["serve", str(served["forecast"]), *words]) == 2


def test_rows_in_a_pipe_are_answered_line_by_line(served: dict[str, Path], tmp_path: Path) -> None:
    state = tmp_path / "state"
    command = [sys.executable, "-c", CODE, "stream", str(served["detect"]), "--snapshot", str(state)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdin is not None
    assert process.stdout is not None
    answers = []
    for line in ("51", '{"values": 400}', '{"load": 1}'):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        answers.append(json.loads(process.stdout.readline()))  # before the next row is sent
    process.stdin.close()
    assert process.wait(timeout=20) == 0
    process.stdout.close()
    assert answers[1]["score"] > answers[0]["score"]
    assert answers[2]["error"]["line"] == 3
    text = "time,load\n2024-01-07T18:00,51\nx,y\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[0]["score"] is not None
    assert "error" in lines[1]
