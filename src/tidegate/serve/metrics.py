"""What a server counts, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tidegate.core.optional import require

if TYPE_CHECKING:
    from tidegate.serve.sessions import Sessions
    from tidegate.serve.shelf import Shelf

SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters and histograms of one server, and gauges that are read when they are asked for."""

    def __init__(self, shelf: Shelf, sessions: Sessions) -> None:
        prom = require("prometheus_client", extra="serve", purpose="count requests")
        self.shelf, self.sessions = shelf, sessions
        self.registry = prom.CollectorRegistry()
        self._text = prom.generate_latest
        self.requests = prom.Counter(
            "tidegate_requests_total", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = prom.Histogram(
            "tidegate_request_seconds", "Time to an answer.", ("route",), registry=self.registry, buckets=SECONDS
        )
        self.batches = prom.Histogram(
            "tidegate_batch_size", "Asks answered together.", registry=self.registry, buckets=SIZES
        )
        self.open = prom.Gauge("tidegate_sessions", "Sessions that are open.", registry=self.registry)
        self.open.set_function(lambda: sessions.count)
        for name, text, read in (
            ("swaps", "Models exchanged for a promoted version.", lambda: shelf.swaps),
            ("swap_failures", "Promoted versions that could not be taken up.", lambda: shelf.failures),
        ):
            gauge = prom.Gauge(f"tidegate_{name}", text, registry=self.registry)
            gauge.set_function(read)
        self.models = prom.Gauge(
            "tidegate_model_info", "Models that answer.", ("name", "version", "task"), registry=self.registry
        )
        self._known: dict[tuple[str, int], tuple[object, object]] = {}
        shelf.batches = self.batches.observe

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = self._known.get((route, status))
        if known is None:
            known = (self.requests.labels(route, str(status)), self.seconds.labels(route))
            self._known[route, status] = known
        known[0].inc()  # type: ignore[attr-defined]
        known[1].observe(seconds)  # type: ignore[attr-defined]

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        self.models.clear()
        for served in self.shelf.serving.values():
            self.models.labels(served.name, served.version, served.task).set(1)
        found: bytes = self._text(self.registry)
        return found
