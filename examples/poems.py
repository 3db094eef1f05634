"""Quatrains in Traditional Chinese: a model of regulated verse, its form, its rhymes and its borrowings counted.

    python examples/poems.py --data DIR [--minutes 4]

DIR holds tang_jueju5.tsv.gz: author, title and text of a poem a line, four verses of five characters (published as
chinese-poetry/chinese-poetry). Prints bits per character beside n-grams, then of 200 poems: how many have the form,
how many share a verse with the training poems, and how often the second and fourth verse end on characters that rhyme
somewhere in the training part. For comparison the same counts of the test part, which people wrote.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import tidegate as tg

FORM = re.compile(r"(?:[^，。\s]{5}，[^，。\s]{5}。){2}")
COUNT = 200


def verses(poem: str) -> list[str]:
    """The verses of a poem."""
    return [part for part in re.split("[，。]", poem) if part]


def rhymes(poems: Iterable[str]) -> set[frozenset[str]]:
    """Pairs of characters that end the second and the fourth verse of a poem."""
    found = set()
    for poem in poems:
        own = verses(poem)
        if len(own) == 4:
            found.add(frozenset((own[1][-1], own[3][-1])))
    return found


def counts(poems: Sequence[str], training: Sequence[str]) -> dict[str, float]:
    """Shares of poems that have the form, that share a verse with the training part, that rhyme as one there does."""
    known = {verse for poem in training for verse in verses(poem)}
    pairs = rhymes(training)
    formed = [poem for poem in poems if FORM.fullmatch(poem)]
    return {
        "form": len(formed) / len(poems),
        "shared verse": sum(any(verse in known for verse in verses(poem)) for poem in poems) / len(poems),
        "known rhyme": sum(bool(rhymes([poem]) & pairs) for poem in formed) / max(len(formed), 1),
    }


def main() -> None:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with gzip.open(given.data / "tang_jueju5.tsv.gz", "rt", encoding="utf-8") as file:
        poems = [line.rstrip("\n").split("\t")[2] for line in file]
    poems = list(dict.fromkeys(poems))
    model = tg.LanguageModel(
        minutes=given.minutes, max_epochs=given.epochs, seed=given.seed, preparation={"vocabulary": 2500}
    )
    print(model.advise(poems))
    model.fit(poems)
    print(model.evaluate())
    written = [own.text for own in model.generate(length=40, count=COUNT, temperature=0.8, seed=given.seed)]
    print("\n".join(written[:5]))
    parts = model.fitted_.parts
    for name, texts in (("written", written), ("test part", parts.test)):
        print(name, *(f"{what} {100 * share:.1f} %" for what, share in counts(texts, parts.train).items()), sep="   ")


if __name__ == "__main__":
    main()
