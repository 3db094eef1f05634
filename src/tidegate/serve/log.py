"""What a server says of itself: one line of JSON on the error stream for each thing worth knowing."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone


def log(event: str, **more: object) -> None:
    """Write a line."""
    line = {"at": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "event": event, **more}
    print(json.dumps(line, ensure_ascii=False, default=str), file=sys.stderr, flush=True)
