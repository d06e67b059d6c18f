"""Figures for Prometheus, on a port of their own: nothing here is on the addresses that tenants reach."""

from collections.abc import Callable

from prometheus_client import Counter, Histogram, start_http_server

REQUESTS = Histogram(
    "outbound_http_request_seconds",
    "How long requests took, by route and status class.",
    ("method", "route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LOGINS = Counter("outbound_logins_total", "Logins by outcome.", ("outcome",))
RATE_LIMITED = Counter("outbound_rate_limited_total", "Requests that were told to come back later.")

ROUNDS = Counter("outbound_worker_rounds_total", "Rounds of the worker's loops by outcome.", ("loop", "outcome"))


def serve_metrics(host: str, port: int) -> Callable[[], None]:
    """Listen on the port, unless it is 0, and return what ends it."""
    if port == 0:
        return lambda: None
    server, thread = start_http_server(port, addr=host)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)

    return stop
