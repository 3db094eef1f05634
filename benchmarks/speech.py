"""Transcribers: strings of spoken digits, telephone prompts, and how fast a stream is written down.

    python benchmarks/speech.py                          a stream's real-time factor alone, on sound made up here
    python benchmarks/speech.py --data DIR               and DIR/fsdd and DIR/asterisk_prompts

Digits (fsdd, 8 kHz): recordings 5 to 49 of each speaker and digit train; strings of 1 to 7 of the others, joined
without a pause, test (each recording in four strings). The same with one speaker left out, in turn, whose recordings
are all tested. Prompts (asterisk_prompts, 8 kHz): parts as transcripts.tsv has them, no text in two; word error rates
with and without n-grams of the training transcripts, over all, and over prompts made of words that training has.
Decoding is chosen on validation recordings; the test part is heard once.

Reach: at most 1.5 % of words wrong for speakers that training has, 12 % for one that it has not; prompts at most 45 %
over all and 15 % of those made of known words; a stream at most 0.02 of the sound's time.
"""

from __future__ import annotations

import re
import statistics
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import arguments, report, start

REACH = {"seen": 0.015, "left_out": 0.12, "prompts": 0.45, "prompts_known": 0.15, "real_time": 0.02}
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NAME = re.compile(r"(\d)_(\w+)_(\d+)\.wav")
DIGITS: dict[str, Any] = {"hidden_size": 96, "augment": {"join": 7}}
PROMPTS: dict[str, Any] = {"hidden_size": 128, "batch_size": 8, "preparation": {"tokens": "char"}}
RATE, LONGEST, TURNS = 8000, 7, 4


def main() -> None:
    """Measure what was asked for."""
    parser = arguments(__doc__, seeds=False)
    parser.add_argument("--data", type=str, help="folder with fsdd and asterisk_prompts")
    parser.add_argument("--only", choices=("digits", "prompts"), help="one of both")
    parser.add_argument("--speakers", nargs="*", default=None, help="to leave out in turn; all if not given")
    parser.add_argument("--digit-epochs", type=int, default=60)
    parser.add_argument("--prompt-epochs", type=int, default=80)
    given = start(parser)
    found: dict[str, Any] = real_time()
    with tempfile.TemporaryDirectory() as scratch:
        if given.data and given.only != "prompts":
            found |= digits(Path(given.data) / "fsdd", Path(scratch), given.digit_epochs, given.speakers)
        if given.data and given.only != "digits":
            found |= prompts(Path(given.data) / "asterisk_prompts", Path(scratch), given.prompt_epochs)
    report("speech", **found, reached=all(found[name] <= most for name, most in REACH.items() if name in found))


def real_time(seconds: int = 30) -> dict[str, float]:
    """Time that one stream takes for a second of sound, in chunks of a tenth: 2 x 128 units of one direction."""
    import numpy as np

    from tidegate.artifacts.spec import Ctc, NetworkSpec, Recurrent
    from tidegate.nn.network import Network
    from tidegate.prepare.sequence.speech import SpeechPreparation
    from tidegate.prepare.vocabulary import SPECIAL, Vocabulary
    from tidegate.runtime.network.recurrent import Loaded
    from tidegate.runtime.transcribe.model import Decoding, SpeechModel

    vocabulary = Vocabulary("char", (*SPECIAL, *"abcdefghijklmnopqrstuvwxyz '"))
    preparation = SpeechPreparation(16_000, 40, 0.025, 0.01, "running", 3, (0.0,) * 40, (1.0,) * 40)
    layers = (Recurrent(hidden_size=128, num_layers=2), Ctc())
    spec = NetworkSpec(window=0, horizon=1, past=120, targets=0, outputs=len(vocabulary), layers=layers)
    weights = {name: tensor.numpy() for name, tensor in Network(spec).state_dict().items()}
    model = SpeechModel(spec, Loaded(weights), preparation, vocabulary, Decoding())
    wave = np.random.default_rng(0).uniform(-0.1, 0.1, 16_000 * seconds).astype(np.float32)
    factors = []
    for _ in range(3):
        stream, begin = model.stream(), time.perf_counter()
        for first in range(0, len(wave), 1600):
            stream.update(wave[first : first + 1600])
        stream.finish()
        factors.append((time.perf_counter() - begin) / seconds)
    print(f"a stream of 16 kHz, 2 x 128 units: {statistics.median(factors):.4f} of the sound's time")
    return {"real_time": statistics.median(factors)}


def digits(folder: Path, scratch: Path, epochs: int, speakers: list[str] | None) -> dict[str, Any]:
    """Word error rates of strings, of speakers that training has and of one after another that it has not."""
    with tarfile.open(folder / "recordings.tar.gz") as file:
        file.extractall(scratch / "fsdd", filter="data")
    rows = []
    for path in sorted((scratch / "fsdd").rglob("*.wav")):
        match = NAME.fullmatch(path.name)
        assert match is not None
        rows.append((path, WORDS[int(match[1])], match[2], int(match[3])))
    every = sorted({row[2] for row in rows})
    found: dict[str, Any] = {}
    train, test = [row for row in rows if row[3] >= 5], [row for row in rows if row[3] < 5]
    found["seen"], found["digit_seconds"] = _strings("speakers that training has", train, test, epochs, TURNS)
    left = []
    for name in every if speakers is None else speakers:
        train, test = [row for row in rows if row[2] != name], [row for row in rows if row[2] == name]
        rate, _ = _strings(f"without {name}", train, test, epochs, 1)
        left.append(rate)
        found[f"left_out_{name}"] = rate
    return found | ({"left_out": statistics.mean(left)} if left else {})


def _strings(what: str, train: list[Any], test: list[Any], epochs: int, turns: int) -> tuple[float, float]:
    import numpy as np

    import tidegate as tg
    from tidegate.data.sources.media.sound import read_sound

    model = tg.Transcriber(max_epochs=epochs, **DIGITS)
    columns = [[str(row[0]) for row in train], [row[1] for row in train]]
    model.fit(*columns, speakers=[row[2] for row in train], by="stratified", test=0, progress=False)
    rng = np.random.default_rng(0)
    waves, texts, speakers = [], [], []
    for name in sorted({row[2] for row in test}):
        own = [row for row in test if row[2] == name]
        for _ in range(turns):
            order = rng.permutation(len(own)).tolist()
            while order:
                count = int(rng.integers(1, LONGEST + 1))
                part, order = order[:count], order[count:]
                waves.append(np.concatenate([read_sound(own[place][0])[0][:, 0] for place in part]))
                texts.append(" ".join(own[place][1] for place in part))
                speakers.append(name)
    found = model.evaluate(waves, texts, rate=RATE, speakers=speakers)
    seconds = statistics.median(epoch.seconds for epoch in model.history_)
    own = found.overall["model"]
    low, high = found.intervals["wer"]
    print(f"digit strings, {what}", f"WER {100 * own['wer']:.2f} %", f"({100 * low:.2f} to {100 * high:.2f}),",
         f"{100 * own['same']:.1f} % whole, {len(texts)} strings, {len(model.history_)} epochs of {seconds:.1f} s,",
         f"decoding {model.model_.decoding}")  # fmt: skip
    return own["wer"], seconds


def prompts(folder: Path, scratch: Path, epochs: int) -> dict[str, Any]:
    """Word error rates of prompts, with and without n-grams."""
    import tidegate as tg

    with tarfile.open(folder / "wav.tar.gz") as file:
        file.extractall(scratch / "prompts", filter="data")
    first = next((scratch / "prompts").rglob("*.wav"))
    table = first.parent / "transcripts.tsv"
    table.write_text((folder / "transcripts.tsv").read_text("utf-8"), "utf-8")
    model = tg.Transcriber(max_epochs=epochs, **PROMPTS).fit(table, progress=False)
    found: dict[str, Any] = {}
    for name, how in (("", {}), ("_alone", {"decoding": {"beam": 1, "language": "none"}})):
        evaluation = model.evaluate(**how)
        found[f"prompts{name}"] = evaluation.overall["model"]["wer"]
        found[f"prompts_known{name}"] = evaluation.shares["known"][1]
        low, high = evaluation.intervals["wer"]
        print(evaluation)
        rates = [100 * found[f"{kind}{name}"] for kind in ("prompts", "prompts_known")]
        print(
            f"prompts, {'plain' if name else 'as chosen'}: WER {rates[0]:.1f} % ({100 * low:.1f} to {100 * high:.1f}),"
        )
        print(f"  of known words {rates[1]:.1f} %")
    found["prompt_seconds"] = statistics.median(epoch.seconds for epoch in model.history_)
    print("prompts", f"{len(model.history_)} epochs of {found['prompt_seconds']:.1f} s,", str(model.model_.decoding))
    return found


if __name__ == "__main__":
    main()
