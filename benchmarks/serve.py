"""A server under load, on the loopback: start, memory, latency, throughput, stream updates, open sessions.

Reach: first answer within 1.5 s of starting the process; below 150 MB with one small model; a single forecast (window
168, 64 units, 2 layers) p50 below 2 ms and p99 below 10 ms at 200 requests a second; 1,500 forecasts a second with 32
clients; a stream's update over a WebSocket p50 below 1 ms; 100,000 open sessions below 1 GB. The clients share the
machine's cores with the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from _common import arguments, report, show, start

HEAD = "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"


def main() -> None:
    """Train a small model, serve it, and measure."""
    parser = arguments(__doc__, threads=1)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement (default %(default)s)")
    parser.add_argument("--sessions", type=int, default=100_000, help="sessions to open (default %(default)s)")
    given = start(parser)
    with tempfile.TemporaryDirectory() as folder:
        model, body = trained(Path(folder), given)
        begin = time.perf_counter()
        code = "import sys; from tidegate.cli.main import main; main(sys.argv[1:])"
        words = [
            sys.executable,
            "-c",
            code,
            "serve",
            str(model),
            "--port",
            "0",
            "--sessions",
            str(Path(folder) / "sessions.sqlite"),
        ]
        server = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        try:
            found = asyncio.run(measured(server, body, begin, given))
        finally:
            server.terminate()
            server.wait()
    rows: list[list[object]] = [
        ["what", "found", "reach"],
        *([name, value, reach] for name, (value, reach) in found.items()),
    ]
    show(rows)
    report("serve", **{name: value for name, (value, _) in found.items()})


def trained(folder: Path, given: Any) -> tuple[Path, bytes]:
    """A model, and a request of 168 rows for it."""
    import numpy as np

    import tidegate as tg

    rows = np.arange(2_500)
    stamps = np.datetime64("2024-01-01T00:00") + rows.astype("timedelta64[h]")
    load = 50 + 10 * np.sin(rows * np.pi / 12) + np.random.default_rng(0).normal(size=len(rows))
    settings: dict[str, Any] = {"horizon": 24, "window": 168, "hidden_size": 64, "num_layers": 2, "level": 80}
    settings |= {"max_epochs": 1, "training": {"steps_per_epoch": 5}, "pretrained": False, "seed": given.seeds[0]}
    fitted = tg.Forecaster(**settings | given.set)
    fitted.fit({"time": stamps, "load": load}, time="time", target="load", progress=False)
    part = slice(-168, None)
    columns = {
        "time": [str(stamp) for stamp in stamps[part].astype("datetime64[s]")],
        "load": load[part].round(2).tolist(),
    }
    return fitted.save(folder / "load" / "model"), json.dumps({"columns": columns}).encode()


async def measured(server: Any, body: bytes, begin: float, given: Any) -> dict[str, tuple[str, str]]:
    """All figures by name, each with what it should reach."""
    assert server.stderr is not None
    line = json.loads(server.stderr.readline())
    port = int(line["url"].rpartition(":")[2])
    ask = await client(port, "/models/load/predict")
    await ask(body)
    found = {"start to first answer": (f"{time.perf_counter() - begin:.2f} s", "< 1.5 s")}
    found["memory with one model"] = (f"{memory(server.pid):.0f} MB", "< 150 MB")
    for _ in range(200):
        await ask(body)
    times = await paced(ask, body, 200, given.seconds)
    found["single forecast at 200/s, p50"] = (f"{at(times, 0.5):.2f} ms", "< 2 ms")
    found["single forecast at 200/s, p99"] = (f"{at(times, 0.99):.2f} ms", "< 10 ms")
    asks = [await client(port, "/models/load/predict") for _ in range(32)]
    before = processor(server.pid)
    pace = await flood(asks, body, given.seconds)
    found["forecasts a second, 32 clients"] = (f"{pace:.0f}", ">= 1500")
    each = 1e3 * (processor(server.pid) - before) / (pace * given.seconds)
    found["  processor time of the server for each"] = (f"{each:.2f} ms", "")
    before = processor(server.pid)
    times = await streamed(port, given.seconds)
    found["stream update, p50"] = (f"{at(times, 0.5):.2f} ms", "< 1 ms")
    found["stream update, p99"] = (f"{at(times, 0.99):.2f} ms", "")
    each = 1e3 * (processor(server.pid) - before) / len(times)
    found["  processor time of the server for each update"] = (f"{each:.2f} ms", "")
    begin = time.perf_counter()
    opened = await sessions(port, given.sessions)
    spent = time.perf_counter() - begin
    found[f"memory with {opened:,} sessions, each updated once"] = (f"{memory(server.pid):.0f} MB", "< 1000 MB")
    found["sessions opened and updated a second"] = (f"{opened / spent:.0f}", "")
    return found


async def client(port: int, path: str) -> Callable[..., Awaitable[bytes]]:
    """A connection that is kept, as a function that asks and gives the answer."""
    reader, writer = await asyncio.open_connection("localhost", port)

    async def ask(body: bytes, path: str = path) -> bytes:
        writer.write(HEAD.format(path=path, size=len(body)).encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(size)
        assert b" 200 " in head[:20], answer
        return answer

    return ask


async def paced(ask: Any, body: bytes, rate: float, seconds: float) -> list[float]:
    """Seconds of each request, sent at a rate whether or not the one before was fast."""
    times = []
    first = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = first + number / rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        sent = time.perf_counter()
        await ask(body)
        times.append(time.perf_counter() - min(sent, due + 0.001))
    return times


async def flood(asks: list[Any], body: bytes, seconds: float) -> float:
    """Answers a second, each client asking again once it has its answer."""
    until = time.perf_counter() + seconds

    async def go(ask: Any) -> int:
        count = 0
        while time.perf_counter() < until:
            await ask(body)
            count += 1
        return count

    return sum(await asyncio.gather(*map(go, asks))) / seconds


async def streamed(port: int, seconds: float) -> list[float]:
    """Seconds of each update of one stream."""
    from websockets.asyncio.client import connect

    times = []
    async with connect(f"ws://localhost:{port}/models/load/stream", compression=None) as socket:
        await socket.recv()
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            sent = time.perf_counter()
            await socket.send('{"values": 51.5}')
            await socket.recv()
            times.append(time.perf_counter() - sent)
            await asyncio.sleep(0.002)
    return times


async def sessions(port: int, count: int) -> int:
    """Open sessions, each with a row taken in."""
    asks = [await client(port, "/models/load/sessions") for _ in range(16)]
    row = b'{"values": 50, "time": "2024-06-01T00:00"}'

    async def go(number: int) -> int:
        done = 0
        for place in range(number, count, len(asks)):
            await asks[number](json.dumps({"id": f"s{place}", "fresh": True}).encode())
            await asks[number](row, f"/sessions/s{place}/update")
            done += 1
        return done

    return sum(await asyncio.gather(*(go(number) for number in range(len(asks)))))


def at(times: list[float], share: float) -> float:
    """A quantile of times, in milliseconds."""
    return 1e3 * sorted(times)[min(int(share * len(times)), len(times) - 1)]


def memory(pid: int) -> float:
    """Resident megabytes of a process."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def processor(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
