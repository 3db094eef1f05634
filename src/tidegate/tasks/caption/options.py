"""Options of a captioner, and the network that they make."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.artifacts.spec import NetworkSpec, Pictures
from tidegate.core.checks import Count, Share, Whole
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.prepare.pictures import PictureAugment
from tidegate.tasks.write.options import DecoderNetwork, TextPreparation, WritingChoices


@dataclass(frozen=True)
class PictureNetwork(DecoderNetwork):
    """The finer choices of a network that reads a picture and writes: those of the decoder, and

    Attributes:
        channels: numbers of a place after each convolution. halved: how many of them, from the first, also halve the
            sides. kernel: pixels that one sees, each way. picture_dropout: share of the grid's numbers that is silenced
            in training.
    """

    channels: tuple[Count, ...] = (32, 64, 128)
    halved: Whole = 3
    kernel: Count = 3
    picture_dropout: Share = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "channels", tuple(self.channels))
        if self.kernel % 2 == 0:
            message = "kernel={kernel} must be odd, so that a place has as much on each side"
            raise ConfigError(tr(message, kernel=self.kernel))


@dataclass(frozen=True)
class CaptionChoices(WritingChoices):
    """All options of a captioner, checked."""

    network: PictureNetwork
    preparation: TextPreparation
    augment: PictureAugment
    batch_size: int | None


def build_spec(choices: CaptionChoices, shape: tuple[int, int, int], outputs: int) -> NetworkSpec:
    """The network of these options, for pictures of a shape (H, W, C) and so many tokens.

    Raises:
        ConfigError: pictures that are too small to be halved so often.
    """
    own, network, (height, width, colours) = choices.recurrent, choices.network, shape
    halved = min(network.halved, len(network.channels))
    if min(height, width) < 2**halved:
        message = "pictures of {size} pixels cannot be halved {count} times: give a larger size, or network.halved"
        raise ConfigError(tr(message, size=min(height, width), count=halved))
    grid = Pictures(
        height=height,
        width=width,
        colours=colours,
        channels=network.channels,
        halved=halved,
        kernel=network.kernel,
        dropout=network.picture_dropout,
    )
    write = network.write(own, hidden_size=own.hidden_size, num_layers=own.num_layers)
    past = width * colours
    return NetworkSpec(window=height, horizon=1, past=past, targets=0, outputs=outputs, layers=(grid, write))
