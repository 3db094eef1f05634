"""The engine beside torch: a table of training steps and inference over a grid of shapes.

    python benchmarks/engine.py [--threads 2] [--quick] [--seconds 0.4] [--part grid] ...

Parts: the grid; cells and options beside loops over steps in Python; one thread against several; the guide's model in
fresh processes; a training step while another process is busy on every core.

Both are warmed, measured in turns, and given as medians. GFLOP/s counts the multiply-adds of the products only; the
peak is that of independent multiply-adds on the same number of threads, measured before and after each row, because
clocks wander. The ratio is torch's time divided by ours.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from tidegate.kernels import reference as twins
from tidegate.kernels.adam import Adam
from tidegate.kernels.library import instruction_set, native
from tidegate.nn.recurrent import GRU, LSTM, CoupledLSTM, PeepholeLSTM

# B, T, I, H, L, dropout; the guide's model first
GRID = [
    (32, 60, 1, 64, 2, 0.2),
    (32, 60, 1, 64, 1, 0.0),
    (32, 60, 8, 64, 1, 0.0),
    (32, 60, 64, 64, 1, 0.0),
    (32, 60, 8, 32, 1, 0.0),
    (32, 60, 8, 32, 2, 0.0),
    (32, 24, 8, 128, 1, 0.0),
    (32, 60, 1, 128, 1, 0.0),
    (32, 60, 64, 128, 2, 0.0),
    (32, 24, 8, 256, 1, 0.0),
    (32, 60, 64, 256, 1, 0.0),
    (32, 24, 64, 512, 1, 0.0),
    (32, 336, 8, 64, 1, 0.0),
    (32, 336, 1, 32, 2, 0.0),
    (256, 24, 8, 32, 1, 0.0),
    (256, 24, 8, 64, 2, 0.0),
    (256, 60, 1, 64, 1, 0.0),
    (256, 24, 64, 128, 1, 0.0),
    (256, 24, 8, 256, 1, 0.0),
    (1, 24, 1, 32, 1, 0.0),
    (1, 60, 8, 64, 1, 0.0),
    (1, 336, 8, 64, 2, 0.0),
    (1, 60, 64, 128, 1, 0.0),
    (1, 24, 8, 512, 1, 0.0),
]
QUICK = (0, 3, 4, 7, 8, 10, 15, 17, 20)


def peak(threads: int) -> float:
    library = native()
    assert library is not None
    return max(library.tg_peak(0, threads, 0.05) for _ in range(5))


def in_turns(functions: list[Callable[[], object]], seconds: float) -> list[float]:
    """Median seconds of each function, measured in short turns.

    A turn begins with a pause and one call that does not count: after a parallel region of torch its OpenMP threads
    spin for milliseconds and would hold a core while the next function is measured.
    """
    times: list[list[float]] = [[] for _ in functions]
    for function in functions:
        function()
        function()
    turn = min(0.05, seconds / 4)
    end = time.perf_counter() + seconds * len(functions)
    while time.perf_counter() < end or len(times[0]) < 5:
        for function, own in zip(functions, times, strict=True):
            time.sleep(0.01)
            function()
            start = begin = time.perf_counter()
            while start < begin + turn:
                function()
                stop = time.perf_counter()
                own.append(stop - start)
                start = stop
    return [statistics.median(own) for own in times]


def model(kind: type, point: tuple[int, int, int, int, int, float], **options: float) -> torch.nn.Module:
    _, _, I, H, L, dropout = point
    torch.manual_seed(0)
    layer = kind(I, H, L, batch_first=True, dropout=dropout, **options)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.head = layer, torch.nn.Linear(H, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.layer(x)[0][:, -1])

    return Model()


def training(
    network: torch.nn.Module, optimizer: torch.optim.Optimizer, point: tuple[int, ...], clip: bool
) -> Callable[[], object]:
    B, T, I = point[:3]
    x, target = torch.randn(B, T, I), torch.randn(B, 1)

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(network(x), target).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return step


def inference(network: torch.nn.Module, point: tuple[int, ...]) -> Callable[[], object]:
    layer = network.layer.eval()
    x = torch.randn(point[0], point[1], point[2])

    def run() -> None:
        with torch.no_grad():
            layer(x)

    return run


def operations(point: tuple[int, int, int, int, int, float]) -> tuple[float, float]:
    """Floating point operations of inference and of a training step."""
    B, T, I, H, L, _ = point
    forward = sum(8.0 * H * ((H if layer else I) + H) for layer in range(L)) * B * T
    backward = sum(8.0 * H * (2 * H + (2 * H if layer else I)) for layer in range(L)) * B * T
    return forward, forward + backward


def grid(points: list[tuple[int, int, int, int, int, float]], threads: int, seconds: float) -> None:
    before = peak(threads)
    print(f"\n{instruction_set()}, {threads} threads, peak {before:.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}")
    print(f"{'B T I H L':>18} | {'train: torch':>12} {'ours ms':>8} {'ratio':>6} {'GF/s':>5} {'peak':>5}"
          f" | {'infer: torch':>12} {'ours ms':>8} {'ratio':>6} {'GF/s':>5} {'peak':>5}")  # fmt: skip
    ratios: list[list[float]] = [[], []]
    for point in points:
        theirs, ours = model(torch.nn.LSTM, point), model(LSTM, point)
        steps = [
            training(theirs, torch.optim.Adam(theirs.parameters(), fused=True), point, True),
            training(ours, Adam(ours.parameters(), clip=1.0), point, False),
        ]
        train = in_turns(steps, seconds)
        infer = in_turns([inference(theirs, point), inference(ours, point)], seconds / 2)
        after = peak(threads)
        top, before = max(before, after), after
        forward, both = operations(point)
        row = f"{' '.join(str(v) for v in point[:5]):>18}"
        for (slow, fast), work, own, width in ((train, both, ratios[0], 12), (infer, forward, ratios[1], 12)):
            rate = work / fast / 1e9
            own.append(slow / fast)
            row += f" | {slow * 1e3:{width}.2f} {fast * 1e3:8.2f} {slow / fast:6.2f} {rate:5.0f} {rate / top:5.0%}"
        print(row, flush=True)
    for name, own in zip(("training", "inference"), ratios, strict=True):
        mean = math.exp(sum(math.log(r) for r in own) / len(own))
        print(f"{name}: geometric mean {mean:.2f}, least {min(own):.2f}")


class Loop(torch.nn.Module):
    """A cell as it is usually written: a loop over the steps in Python (here: the engine's own torch twin)."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        stack = replace(self.layer.options, train=self.training)
        y = twins.recurrent(stack, x.transpose(0, 1), (None, None), list(self.layer.parameters()), seed=1)[0]
        return (y.transpose(0, 1),)


def variants(threads: int, seconds: float) -> None:
    """Training steps of the other cells and options as multiples of the plain LSTM's."""
    kinds: list[tuple[str, type, dict[str, float]]] = [
        ("lstm", LSTM, {}),
        ("peephole", PeepholeLSTM, {}),
        ("coupled", CoupledLSTM, {}),
        ("gru", GRU, {}),
        ("layer norm", LSTM, {"layer_norm": True}),
        ("recurrent dropout", LSTM, {"recurrent_dropout": 0.2}),
        ("zoneout", LSTM, {"zoneout": 0.1}),
    ]
    for point in ((32, 60, 8, 64, 1, 0.0), (32, 60, 64, 128, 1, 0.0)):
        steps, loops = [], []
        for _, kind, options in kinds:
            network = model(kind, point, **options)
            steps.append(training(network, Adam(network.parameters(), clip=1.0), point, False))
            slow = model(kind, point, **options)
            slow.layer = Loop(slow.layer)
            loops.append(training(slow, torch.optim.Adam(slow.parameters(), fused=True), point, True))
        times, slow_times = in_turns(steps, seconds), in_turns(loops, seconds / 2)
        B, T, I, H = point[:4]
        print(f"\ncells and options at B {B}, T {T}, I {I}, H {H}, {threads} threads, a training step:")
        print(f"{'':>18} {'ours ms':>8} {'/ lstm':>7} {'loop ms':>8} {'ratio':>6}")
        for (name, _, _), own, loop in zip(kinds, times, slow_times, strict=True):
            print(f"{name:>18} {own * 1e3:8.2f} {own / times[0]:7.2f} {loop * 1e3:8.1f} {loop / own:6.1f}")


def scaling(threads: int, seconds: float) -> None:
    """The same training step on one thread and on several, in turns."""
    print(f"\none thread against {threads}, training step (forward, loss, backward, clip, Adam):")
    print(
        f"{'B T I H L':>18} {'ours 1':>8} {f'ours {threads}':>8} {'gain':>5}"
        f" | {'torch 1':>8} {f'torch {threads}':>8} {'gain':>5}"
    )
    for point in [p for p in GRID if p[0] >= 32][:8]:

        def on(count: int, step: Callable[[], object]) -> Callable[[], object]:
            def run() -> None:
                if torch.get_num_threads() != count:
                    torch.set_num_threads(count)
                step()

            return run

        ours, theirs = model(LSTM, point), model(torch.nn.LSTM, point)
        own = training(ours, Adam(ours.parameters(), clip=1.0), point, False)
        other = training(theirs, torch.optim.Adam(theirs.parameters(), fused=True), point, True)
        a, b, c, d = in_turns([on(1, own), on(threads, own), on(1, other), on(threads, other)], seconds)
        row = f"{' '.join(str(v) for v in point[:5]):>18} {a * 1e3:8.2f} {b * 1e3:8.2f} {a / b:5.2f}"
        print(row + f" | {c * 1e3:8.2f} {d * 1e3:8.2f} {c / d:5.2f}", flush=True)
    torch.set_num_threads(threads)


def burn(core: int) -> None:
    os.sched_setaffinity(0, {core})
    while True:
        pass


def neighbours(threads: int, seconds: float) -> None:
    """How much slower a training step gets while one busy process is pinned to every core."""
    point = GRID[0]
    ours, theirs = model(LSTM, point), model(torch.nn.LSTM, point)
    steps = [
        training(ours, Adam(ours.parameters(), clip=1.0), point, False),
        training(theirs, torch.optim.Adam(theirs.parameters(), fused=True), point, True),
    ]
    quiet = in_turns(steps, seconds * 2)
    context = multiprocessing.get_context("spawn")
    burners = [context.Process(target=burn, args=(core,), daemon=True) for core in sorted(os.sched_getaffinity(0))]
    for process in burners:
        process.start()
    time.sleep(2)
    busy = in_turns(steps, seconds * 4)
    for process in burners:
        process.kill()
        process.join()
    print(f"\nthe guide's model, {threads} threads, one busy process pinned to each core, ms per training step:")
    for name, before, after in zip(("ours", "torch"), quiet, busy, strict=True):
        print(f"{name:>12} quiet {before * 1e3:7.2f} busy {after * 1e3:7.2f}: {after / before:.2f} times slower")


CHILD = """
import statistics, time, torch
torch.set_num_threads({threads})
from benchmarks_engine import GRID, LSTM, Adam, model, training
ours = {ours}
network = model(LSTM if ours else torch.nn.LSTM, GRID[0])
optimizer = Adam(network.parameters(), clip=1.0) if ours else torch.optim.Adam(network.parameters())
step = training(network, optimizer, GRID[0], not ours)
times = []
for _ in range({count}):
    start = time.perf_counter(); step(); times.append(time.perf_counter() - start)
print(statistics.median(times[{count} // 5:]) * 1e3)
"""


def fresh(threads: int) -> None:
    """The guide's model in fresh processes: torch as installed, torch with the allocator tuned, ours."""
    tuned = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "1073741824"}
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.path.join(here, "engine.py")
    loader = f"import sys, importlib.util as u\ns = u.spec_from_file_location('benchmarks_engine', {path!r})\n"
    loader += "m = u.module_from_spec(s)\nsys.modules['benchmarks_engine'] = m\ns.loader.exec_module(m)\n"
    results: dict[str, list[float]] = {"torch": [], "torch tuned": [], "ours": []}
    for _ in range(3):
        for name, own in results.items():
            code = loader + CHILD.format(threads=threads, ours=name == "ours", count=60)
            environment = {**os.environ, **(tuned if name == "torch tuned" else {})}
            done = subprocess.run(
                [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
            )
            own.append(float(done.stdout.split()[-1]))
    medians = {name: statistics.median(own) for name, own in results.items()}
    print(f"\nthe guide's model, fresh processes, {threads} threads, ms per training step:")
    for name, value in medians.items():
        print(f"{name:>12} {value:7.2f}  {value / medians['ours']:.2f} times ours")


PARTS: dict[str, Callable[[int, float], None]] = {
    "variants": variants,
    "scaling": scaling,
    "fresh": lambda threads, _: fresh(threads),
    "neighbours": neighbours,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.4, help="for each of the measured functions")
    parser.add_argument("--quick", action="store_true", help="nine points of the grid only")
    parser.add_argument("--part", action="append", choices=["grid", *PARTS], help="only this part; may be repeated")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wanted = options.part or ["grid", *PARTS]
    if "grid" in wanted:
        grid([GRID[i] for i in QUICK] if options.quick else GRID, options.threads, options.seconds)
    for name, part in PARTS.items():
        if name in wanted:
            part(options.threads, options.seconds)


if __name__ == "__main__":
    main()
