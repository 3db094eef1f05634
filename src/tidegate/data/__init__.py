"""Reading, splitting and windowing tables; reading and dividing sequences."""

from tidegate.data.describe import describe
from tidegate.data.partition import Partition, partition
from tidegate.data.read import read
from tidegate.data.sequences import read_sequences
from tidegate.data.split import Split, split
from tidegate.data.windows import Batches, Windows, origins, windows

__all__ = [
    "Batches",
    "Partition",
    "Split",
    "Windows",
    "describe",
    "origins",
    "partition",
    "read",
    "read_sequences",
    "split",
    "windows",
]
