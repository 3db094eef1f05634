"""Run exported headers on an emulated Cortex-M4 (qemu-system-arm), and as WebAssembly (zig and node).

    python scripts/embedded.py      a table: code, weights, instructions a step, and whether the bits are those of int8

The emulator counts instructions, not cycles: a Cortex-M4 takes one to three cycles for most of these.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
ARM = "arm-none-eabi-gcc"
M4 = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-std=c99", "-ffreestanding"]
STRICT = ["-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-pedantic"]
LINK = """
MEMORY { rom (rx) : ORIGIN = 0, LENGTH = 4M  ram (rw) : ORIGIN = 0x20000000, LENGTH = 4M }
SECTIONS {
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) } > rom
  .bss (NOLOAD) : { *(.bss*) *(COMMON) *(.data*) } > ram
  /DISCARD/ : { *(.ARM.*) *(.comment) }
}
"""
MEMORY = """
#include <stddef.h>
void* memset(void* to, int value, size_t n) {
  volatile unsigned char* p = to;
  while (n--) *p++ = (unsigned char)value;
  return to;
}
void* memcpy(void* to, const void* from, size_t n) {
  volatile unsigned char* p = to;
  const unsigned char* q = from;
  while (n--) *p++ = *q++;
  return to;
}
"""
# SysTick counts 25 MHz; with -icount shift=0 an instruction takes a nanosecond, so that a tick is 40 instructions.
START = """
#define REG(at) (*(volatile uint32_t*)(at))
void reset(void);
__attribute__((section(".vectors"), used)) static const uint32_t vectors[] = {0x20400000u, (uint32_t)(uintptr_t)reset};
static void host(int what, const void* with) {
  register int r0 __asm__("r0") = what;
  register const void* r1 __asm__("r1") = with;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}
static void say(uint32_t value) {
  static char text[10];
  int i;
  for (i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15u];
  text[8] = '\\n';
  text[9] = 0;
  host(4, text);
}
void reset(void) {
  uint32_t begin, end;
  int i;
  REG(0xe000ed88u) |= 0xf00000u; /* the floating point unit */
  __asm__ volatile("dsb\\n isb");
  REG(0xe000e014u) = 0xffffffu;
  REG(0xe000e018u) = 0;
  REG(0xe000e010u) = 5;
  begin = REG(0xe000e018u);
  run();
  end = REG(0xe000e018u);
  say((begin - end) & 0xffffffu);
  for (i = 0; i < OUT; ++i) {
    union { float f; uint32_t u; } bits;
    bits.f = out[i];
    say(bits.u);
  }
  host(0x18, (const void*)0x20026);
  for (;;) {}
}
"""
NODE = """
const [file, n] = [process.argv[2], +process.argv[3]];
const own = new WebAssembly.Instance(new WebAssembly.Module(require("fs").readFileSync(file))).exports;
own.run();
const bits = new Uint32Array(own.memory.buffer, own.outputs(), n);
for (const one of bits) console.log(one.toString(16));
"""


def arm_tools() -> bool:
    """Whether a Cortex-M4 can be built for and emulated here."""
    return all(map(shutil.which, (ARM, "qemu-system-arm", "arm-none-eabi-size")))


def wasm_tools() -> bool:
    """Whether WebAssembly can be built and run here."""
    return importlib.util.find_spec("ziglang") is not None and shutil.which("node") is not None


def on_arm(folder: Path, header: str, call: str, inputs: Floats, outputs: int) -> tuple[Floats, int]:
    """What a call of a header gives on a Cortex-M4, and the instructions it took (to 40).

    Args:
        folder: to build in. header: the text, of the name net. call: C that reads `in` and writes `out`.
        inputs: of `in`. outputs: floats of `out`.
    """
    (folder / "link.ld").write_text(LINK)
    (folder / "main.c").write_text(_program(folder, header, call, inputs, outputs) + START)
    (folder / "memory.c").write_text(MEMORY)
    words = [ARM, *M4, *STRICT, "-O2", "-nostdlib", "-T", "link.ld", "main.c", "memory.c", "-lgcc", "-o", "main.elf"]
    _run(words, folder)
    machine = ["qemu-system-arm", "-M", "mps2-an386", "-display", "none", "-serial", "none", "-monitor", "none"]
    machine += ["-icount", "shift=0", "-semihosting-config", "enable=on,target=native", "-kernel", "main.elf"]
    said = _run(machine, folder).split()
    return _floats(said[1:]), 40 * int(said[0], 16)


def on_wasm(folder: Path, header: str, call: str, inputs: Floats, outputs: int) -> Floats:
    """What the same call gives as WebAssembly in node."""
    (folder / "wasm.c").write_text(
        _program(folder, header, call, inputs, outputs) + "const float* outputs(void) { return out; }\n"
    )
    (folder / "memory.c").write_text(MEMORY)
    (folder / "run.js").write_text(NODE)
    words = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding", "-O2", "-std=c99", "-nostdlib"]
    words += ["-Wl,--no-entry", "-Wl,--export=run", "-Wl,--export=outputs", "wasm.c", "memory.c", "-o", "main.wasm"]
    _run(words, folder)
    return _floats(_run(["node", "run.js", "main.wasm", str(outputs)], folder).split())


def code_size(folder: Path, header: str, call: str) -> int:
    """Bytes of Thumb code (-Os) of a header's call, weights aside."""
    (folder / "net.h").write_text(header)
    (folder / "size.c").write_text(f'#include "net.h"\nvoid f(const float* in, float* out) {{ {call}; }}\n')
    _run([ARM, *M4, "-Os", "-c", "size.c"], folder)
    said = _run(["arm-none-eabi-size", "-A", "size.o"], folder)
    return sum(int(size) for size in re.findall(r"^\.text\S*\s+(\d+)", said, re.M))


def _program(folder: Path, header: str, call: str, inputs: Floats, outputs: int) -> str:
    (folder / "net.h").write_text(header)
    bits = ",".join(f"{one:#x}u" for one in np.ascontiguousarray(inputs, np.float32).view(np.uint32).ravel())
    given = f"static const union {{ uint32_t u[{inputs.size}]; float f[{inputs.size}]; }} given = {{{{{bits}}}}};"
    return (
        f'#include <stdint.h>\n#include "net.h"\n#define OUT {outputs}\n{given}\nstatic float out[OUT];\n'
        f"void run(void);\nvoid run(void) {{ const float* in = given.f; {call}; }}\n"
    )


def _floats(words: list[str]) -> Floats:
    return np.array([int(word, 16) for word in words], np.uint32).view(np.float32)


def _run(words: list[str], folder: Path) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr[-3000:]}")
    return done.stdout + done.stderr


def main() -> None:
    """Measure forecasters of three cells."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    print("| cell | units | weights, bytes | code, bytes | instructions a step | a multiply-add | bits |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for cell, units, layers in [("lstm", 16, 1), ("lstm", 64, 1), ("lstm", 64, 2), ("gru", 64, 2), ("coupled", 64, 2)]:
        with tempfile.TemporaryDirectory() as folder:
            print(row(cell, units, layers, Path(folder)), flush=True)


def row(cell: str, units: int, layers: int, folder: Path) -> str:
    """One line of the table."""
    from tests.deploy.export.test_c import model_of
    from tests.nn.specs import build
    from tidegate.artifacts.spec import Head, Normalise, Recurrent
    from tidegate.deploy.export.header import Header
    from tidegate.runtime.network.network import run_network

    layer: Any = Recurrent(cell=cell, hidden_size=units, num_layers=layers)
    spec = build(Head(hidden_size=16), Normalise(by="last"), recurrent=layer, past=3, targets=1, outputs=3, future=0,
                 window=24, horizon=12)  # fmt: skip
    model = model_of(spec, "int8")
    header = Header(model, "net").text()
    past = np.random.default_rng(0).normal(size=(1, 24, 3)).astype(np.float32)
    expected = run_network(spec, model.weights, past, np.empty((1, 12, 0), np.float32)).prepared().ravel()
    call = "net_predict(in, 0, out)"
    found, _ = on_arm(folder, header, call, past.ravel(), expected.size)
    steps = "static net_state s; int t; for (t = 0; t < 8; ++t) net_step(&s, in + 3 * t); out[0] = s.h[0][0]"
    _, spent = on_arm(folder, header, steps, past.ravel(), 1)
    same = np.array_equal(found.view(np.uint32), expected.view(np.uint32))
    gates = {"lstm": 4, "gru": 3, "coupled": 3}[cell]
    adds = gates * units * (3 + units + (layers - 1) * 2 * units)
    matrices = sum(own.values.nbytes for name, own in model.weights.matrices.items())
    cells = [cell, f"{layers} x {units}", matrices, code_size(folder, header, call), spent // 8]
    cells += [f"{spent / 8 / adds:.1f}", "the same" if same else "DIFFERENT"]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
