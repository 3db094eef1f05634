"""Where a decoder in training is shown the truth."""

import numpy as np
import torch

from tests.tasks.forecast.models import hours, quick, wave
from tidegate.data.windows import windows
from tidegate.prepare import AugmentOptions
from tidegate.tasks.forecast.examples import WindowBatches
from tidegate.train.options import TrainOptions


def test_missing_values_are_never_shown_and_steps_are_forced_whole() -> None:
    y, z = wave(220), wave(220, seed=3)
    y[20:60] = np.nan
    model = quick(network={"teacher_forcing": 1.0, "decoder_segment": 2})
    model.fit({"time": hours(220), "y": y, "z": z}, target=["y", "z"], progress=False)
    fitted, options = model.fitted_, TrainOptions(max_epochs=4)
    training = windows(fitted.table, fitted.split, "train", window=12, horizon=6)
    batches = WindowBatches(fitted.prepared, training, fitted.spec, 32, 0, AugmentOptions())
    assert {len(batch) for batch in batches.epoch(1, 0)} == {5}
    batches.force(1.0, "constant", options)
    for *_, observed, forced in batches.epoch(1, 0):
        assert torch.equal(forced, observed)
        assert not observed.all()
    batches.force(0.5, "linear", options)
    shares = []
    for epoch in range(1, 5):
        again = list(batches.epoch(epoch, 2))
        for first, second in zip(list(batches.epoch(epoch, 0))[2:], again, strict=True):
            assert torch.equal(first[5], second[5])  # a resumed epoch tosses the same coins
        for *_, observed, forced in again:
            assert not (forced & ~observed).any()
            z_forced = forced[:, :, 1]
            assert torch.equal(z_forced[:, 0::2], z_forced[:, 1::2])
        shares.append(float(torch.cat([forced[:, :, 1] for *_, forced in again]).float().mean()))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.3
    assert shares[-1] < 0.15
