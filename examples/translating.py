"""One text written for another: a translation, a summary, or two columns of your own.

    python examples/translating.py                               # numbers to their names, in a minute
    python examples/translating.py --data pairs.csv --source de --target en
    python examples/translating.py --data train.de --target-file train.en
    python examples/translating.py --data synopses.tsv --source description --target synopsis      # summaries

Prints the scores of the test part beside the nearest training source's target, and some of what was written.
"""

from __future__ import annotations

import argparse
from typing import Any

import tidegate as tg

ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SHOWN = 5


def name_of(number: int) -> str:
    """A number below a million in words."""
    if number >= 1000:
        rest = number % 1000
        return f"{name_of(number // 1000)} thousand" + (f" {name_of(rest)}" if rest else "")
    if number >= 100:
        rest = number % 100
        return f"{ONES[number // 100]} hundred" + (f" and {name_of(rest)}" if rest else "")
    if number >= 20:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    return ONES[number]


def numbers(count: int = 1500) -> list[tuple[str, str]]:
    """Numbers spread over all sizes, and their names."""
    chosen = sorted({(place * 7919 * place + 13) % 10 ** (1 + place % 5) for place in range(3 * count)})[:count]
    return [(str(number), name_of(number)) for number in chosen]


def run(data: Any, options: dict[str, Any], reading: dict[str, Any]) -> tg.Translator:
    """A fitted model, its scores and some of what it writes printed."""
    model = tg.Translator(**options).fit(data, **reading)
    print(model.evaluate())
    test = model.fitted_.sequences.take(model.fitted_.parts.test[:SHOWN])
    for source, true, found in zip(test.texts, test.labels, model.translate(list(test.texts)), strict=True):
        print(f"\n{source}\n  people: {true}\n  model:  {found[0]}")
    return model


def main() -> None:
    """Read the command line and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a table of pairs, or a text file of sources beside --target-file")
    parser.add_argument("--source", help="column of the sources")
    parser.add_argument("--target", help="column of the targets")
    parser.add_argument("--target-file", help="text file of the targets, a line each")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.data is None:
        options = {"tokens": "char", "hidden_size": 48, "num_layers": 1, "dropout": 0.1, "learning_rate": 5e-3}
        options |= {"preparation": {"target_tokens": "word"}, "training": {"batch_tokens": 300}}
        run(numbers(), {**options, "max_epochs": given.epochs or 15, "seed": given.seed}, {})
        return
    named = {"source": given.source, "target": given.target, "target_file": given.target_file}
    reading = {name: value for name, value in named.items() if value is not None}
    run(given.data, {"max_epochs": given.epochs, "seed": given.seed}, reading)


if __name__ == "__main__":
    main()
