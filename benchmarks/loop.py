"""What the training loop adds to bare arithmetic: forward, backward, clipping, optimizer step.

The demo's model and batches; the batches are gathered beforehand, so that both sides do the same arithmetic on the
same tensors. The bare loop is the five lines that a tutorial has, with torch's own clipping; ours is the product's
loop, with its schedule, gradient norms by layer, history and checks for divergence. Blocks of both take turns, and
the ratio is the median over the pairs of neighbouring blocks. Reach: at most 10 % added.

The second table says where the rest of a step of a real fit goes: gathering the batch, which the first leaves out.
"""

from __future__ import annotations

import copy
import statistics
import time

from _common import arguments, fit, report, show, start

REACH = 0.10
Clocks = tuple[float, float]
"""Wall and processor seconds; on a machine that others use, the second says more."""


def main() -> None:
    """Measure both loops in turns."""
    parser = arguments(__doc__, threads=1)
    parser.add_argument("--blocks", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20, help="steps of a block")
    given = start(parser)
    import torch

    from tidegate import AugmentOptions, demo_data
    from tidegate.data import windows
    from tidegate.tasks.forecast.examples import BatchLoss, WindowBatches
    from tidegate.train.losses import ForecastLoss
    from tidegate.train.memory import keep_memory

    settings = {"horizon": 24, "level": [80.0], "holidays": "US", "normalise": "last", "network": {"anchor": 0}}
    settings |= {"max_epochs": 1, "batch_size": 64, "training": {"steps_per_epoch": 2}, "seed": given.seeds[0]}
    settings |= given.set
    how = {"time": "date_time", "target": "traffic_volume", "repair": "mean", "validation": 0.1, "test": 0.2}
    model, _ = fit(settings, str(demo_data.path()), **how)
    fitted = model.fitted_
    spec = model.spec_
    training = windows(fitted.table, fitted.split, "train", window=spec.window, horizon=spec.horizon)
    source = WindowBatches(fitted.prepared, training, spec, model.batch_size, 0, AugmentOptions())
    begin = time.perf_counter()
    batches = [batch for batch, _ in zip(source.epoch(1, 0), range(given.steps), strict=False)]
    gathering = (time.perf_counter() - begin) / given.steps
    loss = BatchLoss(spec, ForecastLoss(model.loss, model.decoding_.quantiles))
    keep_memory()
    ours, bare = copy.deepcopy(fitted.network).train(), copy.deepcopy(fitted.network).train()
    product, tutorial = Product(ours, batches, loss, given.steps), Bare(bare, batches, loss)
    for side in (product, tutorial):
        side.block()
    pairs = []
    for number in range(given.blocks):
        order = (product, tutorial) if number % 2 else (tutorial, product)
        seconds = {side: side.block() for side in order}
        pairs.append((seconds[product], seconds[tutorial]))
    rows: list[list[object]] = [["milliseconds per step", "tidegate's loop", "bare loop", "added %"]]
    figures = {}
    for clock, name in enumerate(("wall", "processor")):
        ours_ms, bare_ms = (
            1000 * statistics.median(pair[side][clock] for pair in pairs) / given.steps for side in (0, 1)
        )
        added = statistics.median(one[clock] / other[clock] for one, other in pairs) - 1
        rows.append([f"{name} time, median of {given.blocks} pairs", ours_ms, bare_ms, 100 * added])
        figures |= {f"added_{name}": added, f"ours_{name}_ms": ours_ms, f"bare_{name}_ms": bare_ms}
    show(rows)
    print()
    parts = where(product, given.steps)
    show(
        [
            ["in a step of tidegate's loop", "ms"],
            *parts.items(),
            ["gathering a batch (not in the figures above)", 1000 * gathering],
        ]
    )
    report("loop", **figures, threads=torch.get_num_threads(), reached=figures["added_wall"] <= REACH)


def clocks() -> Clocks:
    """Both clocks now."""
    return time.perf_counter(), time.process_time()


def since(begin: Clocks) -> Clocks:
    """Seconds gone by on both clocks."""
    now = clocks()
    return now[0] - begin[0], now[1] - begin[1]


class Bare:
    """The tutorial's loop."""

    def __init__(self, network, batches, loss) -> None:  # type: ignore[no-untyped-def]
        import torch

        self.network, self.batches, self.loss = network, batches, loss
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)

    def block(self) -> Clocks:
        """Seconds of one pass over the batches."""
        import torch

        begin = clocks()
        for batch in self.batches:
            self.optimizer.zero_grad()
            loss = self.loss(self.network, batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
        return since(begin)


class Product:
    """The product's loop, fed with batches that lie ready."""

    def __init__(self, network, batches, loss, steps) -> None:  # type: ignore[no-untyped-def]
        from tidegate.train.loop import _Run
        from tidegate.train.options import TrainOptions

        options = TrainOptions(learning_rate=1e-4, schedule="cosine", max_epochs=1_000_000)
        self.run = _Run(network, Ready(batches), loss, lambda _: 0.0, options, None, None)

    def block(self) -> Clocks:
        """Seconds of one epoch of the ready batches, without its validation."""
        self.run.step = 0
        begin = clocks()
        self.run._train_epoch()
        return since(begin)


class Ready:
    """Batches that lie ready, as the loop asks for them."""

    def __init__(self, batches) -> None:  # type: ignore[no-untyped-def]
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def epoch(self, epoch: int, start: int):  # type: ignore[no-untyped-def]
        """All of them, every epoch."""
        return iter(self.batches[start:])


def where(product: Product, steps: int) -> dict[str, float]:
    """Milliseconds per step in the calls of the loop, from a profile of ten blocks."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.enable()
    for _ in range(10):
        product.block()
    profile.disable()
    names = {
        "forward and loss": ("batches.py", "__call__"),
        "backward": ("_tensor.py", "backward"),
        "gradient norms and clipping": ("optimizer.py", "step"),
        "optimizer": ("adam.py", "step"),
        "clearing gradients": ("optimizer.py", "zero_grad"),
        "learning rate": ("schedule.py", "rate"),
        "all": ("loop.py", "_train_epoch"),
    }
    found: dict[str, float] = dict.fromkeys(names, 0.0)
    for (file, _, function), (_, _, _, cumulative, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for name, (end, called) in names.items():
            if function == called and file.replace("\\", "/").endswith("/" + end):
                found[name] = max(found[name], 1000 * cumulative / (10 * steps))
    return found


if __name__ == "__main__":
    main()
