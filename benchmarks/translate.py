"""Translators: training and search beside plain torch, and three corpora by their protocols.

    python benchmarks/translate.py                          speed alone, on sentences made up here
    python benchmarks/translate.py --multi30k DIR           German to English, test_2016, lower case
    python benchmarks/translate.py --tatoeba DIR            English to Traditional Chinese
    python benchmarks/translate.py --synopses DIR           package descriptions to their synopses

Training: target tokens a second of our loop and of a plain `torch.nn.LSTM` loop of the same model, batch, loss and
optimizer, in turns. Search: sentences a second with a beam of 5. Settings were chosen on validation parts alone; scores
are those of the test part, whose signatures are printed, beside the nearest training source's target.

Reach: training at least 2 times torch; 300 sentences a second; 42 BLEU (Multi30k, lower case, 13a, 40 minutes on two
quiet cores); 1.5 times the baseline's chrF and BLEU (tatoeba); ROUGE-L 38 (synopses).
"""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Any

from _common import arguments, data_file, report, show, start

REACH = {"training": 2.0, "search": 300.0, "bleu": 42.0, "times_chrf": 1.5, "times_bleu": 1.5, "rouge_l": 38.0}
UNITS, VECTOR, SIZE, PAIRS, LENGTH = 256, 256, 7_000, 96, 14


def main() -> None:
    """Measure what was asked for."""
    parser = arguments(__doc__, seeds=False)
    for name in ("multi30k", "tatoeba", "synopses"):
        parser.add_argument(f"--{name}", type=Path, help=f"folder of {name}")
    parser.add_argument("--epochs", type=int, help="passes over the pairs, in the place of each corpus's own")
    parser.add_argument("--hidden-size", type=int, help="units of the encoder, in the place of each corpus's own")
    parser.add_argument("--out", type=Path, help="folder of runs, whose checkpoints a killed training goes on from")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    given = start(parser)
    found: dict[str, Any] = {}
    if not (given.multi30k or given.tatoeba or given.synopses):
        found |= training(given.rounds) | searching(given.rounds)
    if given.multi30k:
        found |= multi30k(given)
    if given.tatoeba:
        found |= tatoeba(given)
    if given.synopses:
        found |= synopses(given)
    report("translate", **found, reached=all(found[name] >= least for name, least in REACH.items() if name in found))


def made_spec(units: int, layers_written: int) -> Any:
    """2 layers of 256 units each way, a decoder of so many units and layers, 7,000 shared vectors."""
    from tidegate.artifacts.spec import NetworkSpec, Recurrent, Tokens, Write

    layers = (
        Tokens(vocabulary=SIZE, size=VECTOR),
        Recurrent(hidden_size=UNITS, num_layers=2, bidirectional=True),
        Write(size=VECTOR, hidden_size=units, num_layers=layers_written, shared=True),
    )
    return NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=SIZE, layers=layers)


def training(rounds: int) -> dict[str, float]:
    """Target tokens a second of both loops: forward, backward, clipping and AdamW of one batch."""
    import numpy as np
    import torch
    from torch import nn

    from tidegate.nn.network import Network
    from tidegate.train.memory import keep_memory
    from tidegate.train.optimizer import Gradients, build_optimizer
    from tidegate.train.options import TrainOptions

    keep_memory()
    ours, plain = Network(made_spec(2 * UNITS, 1)), _plain(nn)
    rng = np.random.default_rng(0)
    source, target = (torch.from_numpy(rng.integers(3, SIZE, (PAIRS, LENGTH))) for _ in range(2))
    lengths = torch.from_numpy(rng.integers(LENGTH - 3, LENGTH + 1, PAIRS))
    options = TrainOptions(optimizer="adamw", learning_rate=1e-3)
    optimizers = (build_optimizer(ours, options), torch.optim.AdamW(plain.parameters(), lr=1e-3))
    clips = (Gradients(ours, 1.0).step, lambda: nn.utils.clip_grad_norm_(plain.parameters(), 1.0))

    def turn(side: int, scores: Any) -> None:
        optimizers[side].zero_grad(set_to_none=True)
        nn.functional.cross_entropy(scores, target.flatten(), label_smoothing=0.1).backward()
        clips[side]()
        optimizers[side].step()

    def our_turn() -> None:
        turn(0, ours(source, None, None, target, None, lengths).values.flatten(0, 2))

    def their_turn() -> None:
        turn(1, plain(source, target, lengths).flatten(0, 1))

    ratio, fast, slow = turns(our_turn, their_turn, rounds)
    count = PAIRS * LENGTH
    rows = [["ours", f"{count / fast:,.0f}"], ["torch.nn.LSTM", f"{count / slow:,.0f}"], ["ratio", f"{ratio:.2f}"]]
    show([["training, 2 x 256 both ways, decoder 512", "target tokens a second of processor time"], *rows])
    return {"training": ratio, "tokens_a_second": count / fast}


def _plain(nn: Any) -> Any:
    """The same model as one writes it with torch: packed encoder, the decoder step by step."""
    import torch

    class Plain(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(SIZE, VECTOR)
            self.encoder = nn.LSTM(VECTOR, UNITS, 2, batch_first=True, bidirectional=True)
            self.start = nn.Linear(2 * UNITS, 4 * UNITS)
            self.decoder = nn.LSTM(VECTOR, 2 * UNITS, batch_first=True)
            self.key = nn.Linear(2 * UNITS, 2 * UNITS, bias=False)
            self.combine = nn.Linear(4 * UNITS, 2 * UNITS, bias=False)
            self.map = nn.Linear(2 * UNITS, VECTOR, bias=False)
            self.bias = nn.Parameter(torch.zeros(SIZE))

        def forward(self, source: Any, target: Any, lengths: Any) -> Any:
            packed = nn.utils.rnn.pack_padded_sequence(
                self.embedding(source), lengths, batch_first=True, enforce_sorted=False
            )
            x, (h, _) = self.encoder(packed)
            x, _ = nn.utils.rnn.pad_packed_sequence(x, batch_first=True)
            begin = self.start(torch.cat([h[-2], h[-1]], dim=1)).view(len(x), 2, -1).transpose(0, 1)
            state = (torch.tanh(begin[:1]).contiguous(), begin[1:].contiguous())
            keys, mask = self.key(x), torch.arange(x.shape[1]) >= lengths[:, None]
            found = []
            for step in range(target.shape[1]):  # as one writes it where each token may follow the last
                hidden, state = self.decoder(self.embedding(target[:, step : step + 1]), state)
                scores = (hidden @ keys.transpose(1, 2)).masked_fill(mask[:, None], -torch.inf)
                context = torch.softmax(scores, dim=2) @ x
                out = torch.tanh(self.combine(torch.cat([context, hidden], dim=2)))
                found.append(nn.functional.linear(self.map(out), self.embedding.weight, self.bias))
            return torch.cat(found, dim=1)

    return Plain()


def turns(our_turn: Any, their_turn: Any, rounds: int) -> tuple[float, float, float]:
    """Median seconds of processor time of both, taken in turns, and how many times as fast ours is."""
    import statistics

    times: list[list[float]] = [[], []]
    for _ in range(rounds + 1):
        for side, turn in enumerate((our_turn, their_turn)):
            begin = time.process_time()
            turn()
            times[side].append(time.process_time() - begin)
    fast, slow = (statistics.median(own[1:]) for own in times)
    return slow / fast, fast, slow


def searching(rounds: int, sentences: int = 192) -> dict[str, float]:
    """Sentences a second with a beam of 5: 2 x 256 units on both sides, untrained, texts of 12 or 13 tokens."""
    import statistics

    import numpy as np

    from tidegate.nn.network import Network
    from tidegate.runtime.network.network import read_source
    from tidegate.runtime.network.recurrent import Loaded
    from tidegate.runtime.network.write import Pen
    from tidegate.runtime.text.beam import Beam, search

    spec = made_spec(UNITS, 2)
    weights = Loaded({name: tensor.numpy() for name, tensor in Network(spec).eval().state_dict().items()})
    rng = np.random.default_rng(0)
    options, seconds = Beam(min_length=12), []
    for _ in range(rounds):
        begin = time.process_time()
        for _ in range(sentences // 48):
            source, lengths = rng.integers(3, SIZE, (48, 16)), rng.integers(9, 17, 48)
            sequence, read = read_source(spec, weights, source, lengths)
            search(Pen(spec, weights, sequence, read), options, np.full(48, 13))
        seconds.append(time.process_time() - begin)
    rate = sentences / statistics.median(seconds)
    show([["search, beam 5", "sentences a second of processor time"], ["one thread", f"{rate:,.0f}"]])
    return {"search_one_thread": rate}


def lines(folder: Path, name: str) -> list[str]:
    """Lines of a text file, gzip or not."""
    file = data_file(folder, f"{name}.gz", name)
    with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as text:
        return text.read().split("\n")[:-1]


def fit(given: Any, name: str, pairs: Any, split: Any, options: dict[str, Any]) -> Any:
    """Train on pairs, say how long it took, and print the scores of the test part."""
    import tidegate as tg

    own = {**options, "max_epochs": given.epochs or options["max_epochs"]}
    if given.hidden_size:
        own["hidden_size"] = given.hidden_size
    where = {} if given.out is None else {"out": given.out / name, "resume": True}
    begin = time.process_time()
    model = tg.Translator(**own).fit(pairs, **split, **where)
    spent = time.process_time() - begin
    print(f"{name}: {spent:,.0f} s of processor time, {model.history_.epochs[-1].train_seconds:.0f} s an epoch")
    found = model.evaluate()
    print(found)
    return found, spent


def multi30k(given: Any) -> dict[str, float]:
    """German to English: the given files; lower case, 7,000 shared byte pairs."""
    pairs: list[tuple[str, str]] = []
    counts = []
    for part in ("train", "val", "test_2016_flickr"):
        both = lines(given.multi30k, f"{part}.de"), lines(given.multi30k, f"{part}.en")
        pairs += zip(*both, strict=True)
        counts.append(len(both[0]))
    options = {"max_epochs": 12, "learning_rate": 3e-3, "preparation": {"lowercase": True, "vocabulary": 7_000}}
    split = {"validation": counts[1], "test": counts[2], "by": "time"}
    found, seconds = fit(given, "multi30k", pairs, split, options)
    own = found.overall["model"]
    return {"bleu": 100 * own["bleu"], "bleu_tokenised": 100 * own["bleu_tokenised"], "seconds_multi30k": seconds}


def tatoeba(given: Any) -> dict[str, float]:
    """English to Traditional Chinese: 90/5/5, equal sentences of either side in one part."""
    rows = [line.split("\t") for line in lines(given.tatoeba, "en-zh_Hant.tsv")]
    options = {
        "hidden_size": 128,
        "tokens": "word",
        "max_epochs": 20,
        "learning_rate": 4e-3,
        "preparation": {"lowercase": True},
    }
    split = {"validation": 0.05, "test": 0.05}
    found, seconds = fit(given, "tatoeba", [(row[0], row[1]) for row in rows], split, options)
    own, other = found.overall["model"], found.overall["retrieval"]
    times = {f"times_{name}": own[name] / max(other[name], 1e-9) for name in ("chrf", "bleu")}
    return {"chrf": 100 * own["chrf"], "bleu_zh": 100 * own["bleu"], **times, "seconds_tatoeba": seconds}


def synopses(given: Any) -> dict[str, float]:
    """Package descriptions to one-line synopses, families of names apart as given; words are copied."""
    pairs: list[tuple[str, str]] = []
    counts = []
    for part in ("train", "dev", "test"):
        rows = [line.split("\t") for line in lines(given.synopses, f"{part}.tsv")[1:]]
        pairs += [(row[1], row[2]) for row in rows]
        counts.append(len(rows))
    options = {"max_epochs": 6, "learning_rate": 3e-3, "network": {"copying": True}}
    split = {"validation": counts[1], "test": counts[2], "by": "time"}
    found, seconds = fit(given, "synopses", pairs, split, options)
    return {"rouge_l": 100 * found.overall["model"]["rouge_l"], "seconds_synopses": seconds}


if __name__ == "__main__":
    main()
