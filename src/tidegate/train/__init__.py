"""Network, batches and loss in; weights and a history out."""

from tidegate.train.history import Epoch, History
from tidegate.train.options import TrainOptions

__all__ = ["Epoch", "History", "TrainOptions"]
