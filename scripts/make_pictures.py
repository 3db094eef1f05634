"""The pictures of the README, in both languages: a report, the gates of a network, a run in a terminal.

    python scripts/make_pictures.py runs/demo

draws them from a run of `tidegate demo`, into docs/assets. The pages are photographed by Chromium, which must be
installed, and reduced to few colours by Pillow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from html import escape
from pathlib import Path

from PIL import Image

ASSETS = Path(__file__).resolve().parents[1] / "docs" / "assets"
LANGUAGES = {"en": "en", "zh-TW": "zh_TW"}
COMMANDS = ("tidegate evaluate runs/demo", "tidegate predict runs/demo --out day.csv")
PAGES = """
import tidegate as tg
model = tg.open_run("runs/demo")
found = model.explain(sample=32)
for lang in {langs}:
    tg.report_run(f"report.{{lang}}.html", model, lang=lang)
    tg.report_explanation(f"explained.{{lang}}.html", found, lang=lang)
"""
WIDTH = 108  # columns of the terminal
CELL = 8.43  # pixels of one
STYLE = (
    'text { font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK TC", monospace; '
    "fill: #d6d9de; white-space: pre; } .command { fill: #8fc96b; font-weight: bold; }"
)
DOTS = ("#ff5f57", "#febc2e", "#28c840")
COLOURS = 48


def main(run: Path) -> None:
    """Draw all pictures from one run."""
    ASSETS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        shutil.copytree(run, base / "runs" / "demo")
        subprocess.run([sys.executable, "-c", PAGES.format(langs=list(LANGUAGES.values()))], cwd=base, check=True)
        for name, lang in LANGUAGES.items():
            ran = {command: tidegate(command, base, lang) for command in COMMANDS}
            (ASSETS / f"terminal.{name}.svg").write_text(terminal(ran), "utf-8")
            photograph(base / f"report.{lang}.html", ASSETS / f"report.{name}.png", (820, 1010))
            section(base / f"explained.{lang}.html", "gates")
            photograph(base / f"explained.{lang}.html", ASSETS / f"gates.{name}.png", (820, 1330))


def tidegate(command: str, folder: Path, lang: str) -> str:
    """What a command prints."""
    code = "import sys; from tidegate.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, *command.split()[1:]]
    environment = {**os.environ, "TIDEGATE_LANG": lang, "COLUMNS": str(WIDTH)}
    done = subprocess.run(
        words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return done.stdout


def terminal(ran: dict[str, str]) -> str:
    """Commands and what they print as an SVG drawing; every piece of text stands on its columns, Chinese on two."""
    lines = []
    for command, printed in ran.items():
        lines += [f"$ {command}", *(part for line in printed.rstrip().splitlines() for part in wrapped(line)), ""]
    drawn = []
    for row, line in enumerate(lines[:-1]):
        for piece in re.finditer(r"\S+(?: \S+)*", line):
            begin, size = columns(line[: piece.start()]), columns(piece[0])
            place = f'x="{14 + begin * CELL:.1f}" y="{54 + row * 19}" textLength="{size * CELL:.1f}"'
            kind = ' class="command"' if line.startswith("$ ") else ""
            drawn.append(f'<text {place} lengthAdjust="spacingAndGlyphs"{kind}>{escape(piece[0])}</text>')
    width, height = 28 + WIDTH * CELL, 56 + len(lines) * 19 - 19
    dots = "".join(f'<circle cx="{20 + 18 * i}" cy="20" r="6" fill="{fill}"/>' for i, fill in enumerate(DOTS))
    size = f'width="{width:.0f}" height="{height}"'
    ground = '<rect width="100%" height="100%" rx="8" fill="#22252a"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" {size}><style>{STYLE}</style>'
    return f"{head}{ground}{dots}{''.join(drawn)}</svg>\n"


def wrapped(line: str) -> list[str]:
    """A line as a terminal of that width shows it, broken at blanks, or between Chinese characters."""
    parts = []
    while columns(line) > WIDTH:
        end = max(place for place in range(len(line)) if columns(line[:place]) <= WIDTH)
        blank = line.rfind(" ", WIDTH // 2, end)
        end = blank if blank > 0 and line[end - 1].isascii() else end
        parts.append(line[:end])
        line = line[end:].lstrip()
    return [*parts, line]


def columns(text: str) -> int:
    """Columns of a terminal that a text takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def section(path: Path, name: str) -> None:
    """Keep one section of a page alone."""
    html = path.read_text("utf-8")
    found = re.search(rf'<section id="{name}".*?</section>', html, re.DOTALL)
    if found is None:
        raise SystemExit(f"{path} has no section {name!r}")
    head, rest = html.split("<main", 1)
    path.write_text(f"{head}<main{rest.split('>', 1)[0]}>{found[0]}</main></body></html>", "utf-8")


def photograph(path: Path, out: Path, size: tuple[int, int]) -> None:
    """The top of a page as a small PNG."""
    browser = next((found for name in ("chromium", "google-chrome", "chrome") if (found := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("Chromium is needed to photograph pages and is not installed")
    with tempfile.TemporaryDirectory() as folder:
        shot, copy = Path(folder, "shot.png"), Path(folder, "page.html")
        # The training time is that of whoever draws the pictures, and tells a reader nothing.
        hidden = "<style>.key > div:last-child { display: none; }</style></head>"
        copy.write_text(path.read_text("utf-8").replace("</head>", hidden, 1), "utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={shot}"]
        size_option = f"--window-size={size[0]},{size[1]}"
        subprocess.run([browser, *options, size_option, copy.as_uri()], check=True, capture_output=True)
        Image.open(shot).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
