"""Text learned and written on: Python code of the standard library, licence texts, or a file of your own.

    python examples/writing.py                       # the standard library's source, in minutes
    python examples/writing.py --text licences       # the licences of the installed packages
    python examples/writing.py --data FILE           # any text, such as tiny Shakespeare's input.txt

Prints bits per character in the three ways and beside n-grams, a text of its own, and what of it was copied.
"""

from __future__ import annotations

import argparse
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import tidegate as tg

CHARACTERS = 400_000
PROMPTS = {"python": "def ", "licences": "Permission is ", "file": ""}
# Plain text of a language takes 1.2 to 1.5 bits a character of a person; code and licences repeat themselves more.


def python_source() -> str:
    """Modules of the standard library, one after another."""
    text = ""
    for file in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        text += file.read_text("utf-8", errors="replace") + "\n\n"
        if len(text) > CHARACTERS:
            break
    return text[:CHARACTERS]


def licences() -> str:
    """Licence files of the installed packages, each text once."""
    found: dict[str, None] = {}
    for package in metadata.distributions():
        for file in package.files or ():
            if "licen" in file.name.lower() and file.suffix in ("", ".txt", ".md"):
                try:
                    found.setdefault(Path(str(file.locate())).read_text("utf-8").strip())
                except (OSError, UnicodeError):
                    continue
    return "\n\n".join(found)[:CHARACTERS]


def run(data: Any, prompt: str, **options: Any) -> tg.LanguageModel:
    """A fitted model, its scores and a text of its own printed."""
    model = tg.LanguageModel(**options)
    print(model.advise(data))
    model.fit(data)
    print(model.evaluate())
    written = model.generate(prompt, length=600, count=2)
    print(f"\n{written[0]}\n")
    found = model.copied(written)
    print(f"copied: {100 * found.share:.1f} % in stretches of {found.length} characters; longest: {found.longest!r}")
    return model


def main() -> None:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", choices=("python", "licences"), default="python")
    parser.add_argument("--data", help="a text file instead")
    parser.add_argument("--tokens", default="char", choices=("char", "word", "bpe"))
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    options = {"tokens": given.tokens, "minutes": given.minutes, "seed": given.seed}
    if given.data is not None:
        run(given.data, PROMPTS["file"], **options)
        return
    text = python_source() if given.text == "python" else licences()
    run(text, PROMPTS[given.text], **options)


if __name__ == "__main__":
    main()
