"""Reading, splitting and windowing tables."""

from tidegate.data.describe import describe
from tidegate.data.read import read
from tidegate.data.split import Split, split
from tidegate.data.windows import Batches, Windows, origins, windows

__all__ = ["Batches", "Split", "Windows", "describe", "origins", "read", "split", "windows"]
