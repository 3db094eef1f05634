"""Language models: training and generation beside plain torch, and tiny Shakespeare by its protocol.

    python benchmarks/language.py                      speed alone, on text made up here
    python benchmarks/language.py --data DIR           and input.txt, 90 % / 10 %, 65 characters (--minutes of training)

Training: tokens a second of our loop and of a plain `torch.nn.LSTM` loop of the same model, batch, clipping and
optimizer, in turns: both in float32, and both in bfloat16 (torch's own autocast) where the processor multiplies that.
Generation: characters a second of one stream at 2 x 256 units beside a torch loop that carries its state.
Shakespeare: nats per character on the last tenth with the state carried, in blocks, and under dynamic evaluation, whose
rate is chosen on the end of the training part; settings were chosen there too.

Reach: training at least 2 times torch, 20,000 characters a second; at most 1.39 nats with the state carried and 1.34
under dynamic evaluation after 40 minutes on two quiet cores.
"""

from __future__ import annotations

import resource
import statistics
import time
from typing import Any

from _common import arguments, data_file, report, show, start

REACH = {"training": 2.0, "generation": 20_000.0, "carried": 1.39, "adapting": 1.34}
SHAKESPEARE: dict[str, Any] = {
    "hidden_size": 512,
    "num_layers": 2,
    "dropout": 0.4,
    "batch_size": 16,
    "network": {"embedding_size": 128, "recurrent_dropout": 0.25},
}


def main() -> None:
    """Measure what was asked for."""
    parser = arguments(__doc__, seeds=False)
    parser.add_argument("--data", type=str, help="folder with input.txt; without it only speed is measured")
    parser.add_argument("--minutes", type=float, default=40.0, help="of training on two quiet cores, about")
    parser.add_argument("--epochs", type=int, help="passes over the text instead")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    given = start(parser)
    found: dict[str, Any] = {}
    found |= training("float32", given.rounds)
    if half_products():
        found |= training("bfloat16", given.rounds)
    found |= generation(given.rounds)
    if given.data is not None:
        found |= shakespeare(given)
    reached = all(found[name] <= REACH[name] for name in ("carried", "adapting") if name in found)
    best = max(found[name] for name in ("training", "training_bfloat16") if name in found)
    fast = best >= REACH["training"] and found["generation"] >= REACH["generation"]
    report("language", **found, reached=reached and fast)


def half_products() -> bool:
    """Whether this processor multiplies bfloat16."""
    from tidegate.kernels.library import native

    library = native()
    return library is not None and bool(library.tg_bfloat16_products())


def training(precision: Any, rounds: int, steps: int = 8) -> dict[str, float]:
    """Tokens a second of both loops: 2 x 256 units, embedding 128, 32 rows of 128 characters."""
    import numpy as np
    import torch
    from torch import nn

    from tidegate.artifacts.spec import NetworkSpec, Next, Recurrent, Tokens
    from tidegate.nn.network import Network
    from tidegate.tasks.language.fit import CarriedLoss, Tracks
    from tidegate.train.loop import train
    from tidegate.train.memory import keep_memory
    from tidegate.train.options import TrainOptions

    size, units, vector, rows, window = 68, 256, 128, 32, 128
    text = np.random.default_rng(0).integers(3, size, rows * window * steps).astype(np.int32)
    fixed: dict[str, Any] = {"optimizer": "adamw", "batch_size": rows, "max_epochs": 1, "average": 0.0}
    options = TrainOptions(**fixed, learning_rate=1e-3, precision=precision)
    layers = (
        Tokens(vocabulary=size, size=vector),
        Recurrent(hidden_size=units, num_layers=2, dropout=0.2),
        Next(tied=False),
    )
    spec = NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=size, layers=layers)

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(size, vector)
            self.rnn = nn.LSTM(vector, units, 2, batch_first=True, dropout=0.2)
            self.final = nn.Linear(units, size)

        def forward(self, tokens: Any, state: Any) -> Any:
            hidden, state = self.rnn(self.embedding(tokens), state)
            return self.final(hidden), state

    keep_memory()
    ours, plain = Network(spec), Plain()
    optimizer = torch.optim.AdamW(plain.parameters(), lr=1e-3)

    def our_turn() -> None:
        train(ours, Tracks(text, options, window), CarriedLoss(), None, options)

    def their_turn() -> None:
        state = None
        for tokens, ahead, _ in Tracks(text, options, window).epoch(1, 0):
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                scores, state = plain(tokens, state)
                state = tuple(part.detach() for part in state)
                loss = nn.functional.cross_entropy(scores.flatten(0, 1), ahead.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
            optimizer.step()

    ratio, fast, slow = turns(our_turn, their_turn, rounds)
    count = len(text)
    rows_ = [["ours", f"{count / fast:,.0f}"], ["torch.nn.LSTM", f"{count / slow:,.0f}"], ["ratio", f"{ratio:.2f}"]]
    show([[f"training in {precision}, 2 x 256 units", "tokens a second of processor time"], *rows_])
    end = "" if precision == "float32" else f"_{precision}"
    return {f"training{end}": ratio, f"tokens_a_second{end}": count / fast, f"tokens_a_second_torch{end}": count / slow}


def generation(rounds: int, length: int = 2_000) -> dict[str, float]:
    """Characters a second of one stream at 2 x 256 units."""
    import torch

    from tidegate.artifacts.spec import NetworkSpec, Next, Recurrent, Tokens
    from tidegate.nn.network import Network
    from tidegate.prepare.vocabulary import SPECIAL, Vocabulary
    from tidegate.runtime.language.generate import Generation
    from tidegate.runtime.network.recurrent import Loaded

    vocabulary = Vocabulary("char", (*SPECIAL, *(chr(0x30 + place) for place in range(65))))
    layers = (Tokens(vocabulary=68, size=128), Recurrent(hidden_size=256, num_layers=2), Next(tied=False))
    spec = NetworkSpec(window=0, horizon=1, past=1, targets=0, outputs=68, layers=layers)
    network = Network(spec).eval()
    weights = Loaded({name: tensor.numpy() for name, tensor in network.state_dict().items()})
    rnn = torch.nn.LSTM(128, 256, 2, batch_first=True).eval()
    own = network.layers[1].rnn.state_dict()  # type: ignore[union-attr, operator]
    rnn.load_state_dict(own)
    embedding, final = network.layers[0].embedding, network.layers[2].final  # type: ignore[union-attr]

    def our_turn() -> None:
        Generation(spec, weights, vocabulary, "A", length=length, measure=False).run()

    def their_turn() -> None:
        state, token = None, torch.tensor([[3]])
        with torch.no_grad():
            for _ in range(length // 4):
                hidden, state = rnn(embedding(token), state)  # type: ignore[operator]
                token = torch.multinomial((final(hidden[:, -1]) / 0.8).softmax(dim=1), 1)  # type: ignore[operator]

    _, fast, slow = turns(our_turn, their_turn, rounds)
    ours, theirs = length / fast, (length // 4) / slow
    show(
        [
            ["one stream, 2 x 256 units", "characters a second of processor time"],
            ["ours", f"{ours:,.0f}"],
            ["torch loop", f"{theirs:,.0f}"],
            ["ratio", f"{ours / theirs:.2f}"],
        ]
    )
    return {"generation": ours, "generation_torch": theirs}


def turns(ours: Any, theirs: Any, rounds: int) -> tuple[float, float, float]:
    """Median ratio of neighbouring turns, and the best processor seconds of each side."""
    pairs = []
    for turn in (ours, theirs):
        turn()
    for _ in range(rounds):
        both = []
        for turn in (ours, theirs):
            begin = time.process_time()
            turn()
            both.append(time.process_time() - begin)
        pairs.append(both)
    ratio = statistics.median(slow / fast for fast, slow in pairs)
    return ratio, min(pair[0] for pair in pairs), min(pair[1] for pair in pairs)


def shakespeare(given: Any) -> dict[str, Any]:
    """Nats per character on the last tenth."""
    from pathlib import Path

    import tidegate as tg

    file = data_file(Path(given.data), "input.txt")
    precision = "bfloat16" if half_products() else "float32"
    training = {"precision": precision}
    model = tg.LanguageModel(minutes=given.minutes, max_epochs=given.epochs, training=training, **SHAKESPEARE)
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    model.fit(str(file), validation=0.02, test=0.1)
    trained = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
    found = model.evaluate(dynamic=True)
    print(found)
    nats = {name: own["nats_per_character"] for name, own in found.overall.items()}
    blocks = next(value for name, value in nats.items() if name.startswith("model_blocks"))
    seconds = statistics.mean(epoch.seconds for epoch in model.history_)
    rows = [[name, f"{value:.4f}"] for name, value in nats.items()]
    show([["method", "nats per character"], *rows])
    print(f"{model.seconds_ / 60:.1f} minutes ({trained:,.0f} processor seconds), {seconds:.1f} seconds an epoch")
    figures = {"carried": nats["model"], "blocks": blocks, "adapting": nats["model_adapting"]}
    return {**figures, "processor_seconds": trained, "seconds_an_epoch": seconds, "epochs": len(model.history_)}


if __name__ == "__main__":
    main()
