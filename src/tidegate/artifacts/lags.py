"""Where a lag of the target lies inside the window, for every step ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def lag_rows(window: int, horizon: int, lag: int) -> NDArray[np.int64]:
    """Row of the window that holds the target a whole number of lags before each forecast step.

    Step k (from 0) lies at row T + k; the latest known row that is a multiple of the lag before it is
    T - lag + k mod lag.

    Args:
        window: T. horizon: K. lag: in steps, at most T.

    Returns:
        [K] rows in [0, T).
    """
    return window - lag + np.arange(horizon, dtype=np.int64) % lag
