"""Captioners: what is on an emoji, in English and in Traditional Chinese, beside the nearest picture's caption.

    python benchmarks/caption.py --data DIR                 DIR/emoji_captions, both languages
    python benchmarks/caption.py --data DIR --develop       the validation part instead: settings are chosen on it

Pictures (Twemoji, one drawing of each emoji without skin tones) are divided by emoji with one seed, the same for both
languages: 70 % train, 10 % choose the epoch and the settings, 20 % test, looked at once. Captions are those of CLDR.
The baseline is the caption of the training picture with the smallest mean square of pixels at 16 x 16.

Reach: BLEU and chrF above the baseline's in both languages, by 95 % intervals of a paired bootstrap that exclude zero.
"""

from __future__ import annotations

import csv
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import arguments, merged, report, start

LANGUAGES = {"en": "caption_en", "zh": "caption_zh_Hant"}
SETTINGS: dict[str, Any] = {"hidden_size": 128, "max_epochs": 40, "learning_rate": 3e-3}
READING: dict[str, Any] = {"size": 32}
SPLIT: dict[str, Any] = {"validation": 0.1, "test": 0.2}


def main() -> None:
    """Train and score one captioner for each language."""
    parser = arguments(__doc__, data="emoji_captions", threads=1)
    parser.add_argument(
        "--develop", action="store_true", help="score the validation part, and leave the test part alone"
    )
    parser.add_argument("--languages", nargs="+", choices=LANGUAGES, default=list(LANGUAGES))
    parser.add_argument("--out", type=Path, help="folder for the runs")
    given = start(parser)
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        table = unpack(given.data / "emoji_captions", Path(scratch))
        for language in given.languages:
            found[language] = captions(table, language, given)
    reached = all(own["ahead"][metric][0] > 0 for own in found.values() for metric in ("bleu", "chrf"))
    report("caption", part="validation" if given.develop else "test", reached=reached, **found)


def unpack(folder: Path, scratch: Path) -> Path:
    """A table of the pictures that there are, with their captions."""
    with tarfile.open(folder / "twemoji64_png.tar") as archive:
        archive.extractall(scratch, filter="data")
    table = scratch / "captions.tsv"
    with (folder / "captions.tsv").open(encoding="utf-8") as file, table.open("w", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerow(["path", *LANGUAGES.values()])
        for row in csv.DictReader(file, delimiter="\t"):
            name = f"{int(row['index']):05d}.png"
            if (scratch / name).is_file():
                writer.writerow([name, *(row[column] for column in LANGUAGES.values())])
    return table


def captions(table: Path, language: str, given: Any) -> dict[str, Any]:
    """Scores of one language, and how far ahead of the baseline they are."""
    import tidegate as tg

    settings = merged(SETTINGS, given.set)
    reading = merged(READING, settings.pop("reading", {}))
    model = tg.Captioner(**settings, seed=given.seeds[0])
    begin = time.perf_counter()
    out = {} if given.out is None else {"out": given.out / language, "overwrite": True}
    model.fit(str(table), path="path", target=LANGUAGES[language], **reading, **SPLIT, **out, progress=False)
    seconds = time.perf_counter() - begin
    part = "validation" if given.develop else "test"
    evaluation = model.evaluate(part=part)
    print(f"{language}: {seconds:.0f} s, {len(model.history_.epochs)} epochs")
    print(evaluation)
    shown = model._part(part).take(range(0, 200, 10))
    for own, reference in zip(model._written(shown), shown.labels, strict=True):
        print(f"  {reference}  |  {own}")
    epochs = model.history_.epochs
    ahead = {name: ahead_by(model, part, name) for name in ("bleu", "chrf")}
    return {
        "scores": {name: evaluation.overall["model"][name] for name in ("bleu", "chrf", "cider")},
        "nearest": {name: evaluation.overall["nearest_picture"][name] for name in ("bleu", "chrf", "cider")},
        "ahead": ahead,
        "seconds": round(seconds),
        "seconds_an_epoch": round(sum(epoch.train_seconds for epoch in epochs) / len(epochs), 1),
    }


def ahead_by(model: Any, part: str, name: str) -> tuple[float, float]:
    """95 % interval of how far the model is ahead of the nearest picture's caption by one metric."""
    from tidegate.evaluate.text.evaluation import evaluate_texts
    from tidegate.tasks.write.evaluate import references_of

    inputs = model._part(part)
    references = references_of(inputs)
    written = {"model": model._written(inputs), "nearest_picture": model._baselines(inputs)["nearest_picture"]}
    metrics = [metric for metric in model._metrics(references) if metric.name == name]
    return evaluate_texts(written, references, metrics).interval


if __name__ == "__main__":
    main()
