"""Any description, right or wrong, gets a status from the C ABI: no crash, and nothing written outside its arrays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.kernels.library import native
from tidegate.kernels.stack import LAYOUT

pytestmark = pytest.mark.skipif(native() is None, reason="the native library was not built")

WILD = st.sampled_from([-1, -(2**63), 2**63 - 1, 2**62, 2**31 + 1])
ARRAYS = ["x", "h0", "c0", "y", "hn", "cn", "stash", "packed", "weights", "dy", "dhn", "dcn", "dx", "dh0", "dc0"]
ARRAYS += ["dweights", "w0", "w1", "w2", "w4", "g0", "g1", "g3", "g4"]


def mostly(usual, odd, share=12):
    """The usual, and now and then the odd."""
    return st.integers(0, share).flatmap(lambda n: odd if n == 0 else usual)


@st.composite
def cases(draw):
    sizes = {"B": (0, 5), "T": (0, 4), "I": (1, 9), "H": (1, 20), "L": (1, 3), "D": (1, 2)}
    n = {k: draw(mostly(st.integers(*ends), WILD, 40)) for k, ends in sizes.items()}
    n["size"] = draw(mostly(st.just(LAYOUT.size), st.sampled_from([0, LAYOUT.size - 8, -1]), 40))
    n["cell"] = draw(mostly(st.integers(0, 4), st.sampled_from([-1, 5, 2**40]), 40))
    n["dtype"] = draw(mostly(st.integers(0, 1), st.sampled_from([-1, 2]), 40))
    n["flags"] = draw(mostly(st.integers(0, 3), st.sampled_from([8, 64, -1, 2**62]), 40))
    n["threads"] = draw(mostly(st.integers(1, 4), st.sampled_from([0, -1, 1025, 2**62]), 40))
    n["seed"] = draw(st.integers(0, 2**64 - 1))
    n["step0"] = draw(mostly(st.integers(0, 9), WILD, 40))
    small = {k: n[k] if 0 <= n[k] < 32 else 1 for k in sizes}
    for name, width in (
        ("x", small["I"]),
        ("y", small["D"] * small["H"]),
        ("dy", small["D"] * small["H"]),
        ("dx", small["I"]),
    ):
        gap = draw(st.integers(0, 3))
        rows_first = draw(st.booleans())
        inner, outer = width + gap, (width + gap) * max(small["T"] if rows_first else small["B"], 1)
        n[f"{name}_t"], n[f"{name}_b"] = (inner, outer) if rows_first else (outer, inner)
        if draw(st.integers(0, 25)) == 0:
            n[f"{name}_{draw(st.sampled_from('tb'))}"] = draw(st.integers(0, 8))
    share = mostly(st.sampled_from([0.0, 0.25]), st.sampled_from([1.0, -0.1, float("nan"), float("inf")]), 40)
    ends = mostly(st.integers(0, max(small["T"], 0)), st.sampled_from([-1, 99, 2**62]), 40)
    return {
        "numbers": n,
        "reals": [draw(share) for _ in range(4)] + [1e-5],
        "lengths": draw(st.none() | st.lists(ends, min_size=small["B"], max_size=small["B"])),
        "absent": sorted(draw(mostly(st.just({"packed"}), st.sets(st.sampled_from(ARRAYS), max_size=4), 2))),
        "layer": draw(st.integers(-1, 3)),
        "direction": draw(st.integers(-1, 2)),
    }


class Child:
    """A process that makes the calls; another one takes its place when it dies."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def ask(self, case):
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, str(Path(__file__).with_name("abi_child.py"))]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the process died: exit code {self.process.wait()}"
        return json.loads(line)

    def close(self) -> None:
        if self.process is not None:
            self.process.communicate(timeout=30)


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.close()


answered: list[int] = []


@settings(max_examples=250, deadline=None)
@given(case=cases())
def test_every_description_gets_a_status(child, case):
    *statuses, intact = child.ask(case)
    assert intact, "written outside an array"
    assert all(status >= -8 for status in statuses[:2])
    assert all(0 <= status <= 8 for status in statuses[2:])
    answered.extend(statuses[3:4])


def test_descriptions_were_accepted_and_refused():
    """The fuzz above is worth something only if it meets both."""
    assert answered.count(0) > len(answered) / 10
    assert len(set(answered)) >= 4
