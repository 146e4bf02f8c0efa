"""What the processes of ``graphql-auth serve`` count, and ``/metrics``, which adds it up.

Workers send their metrics with each heartbeat.
"""

import functools
import logging
import operator
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, OperationDefinitionNode
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    MetricsHandler,
    disable_created_metrics,
)
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from graphql_auth import security_log
from graphql_auth.errors import ErrorCode, StartError
from graphql_auth.logs import LogRateLimit, describe_exception
from graphql_auth.runtime.periodic import Work

if TYPE_CHECKING:
    from graphql_auth.services import ServiceContainer

CODES = {"OK", *ErrorCode}
# From `welcome` to a login that waits for the hashes of others.
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
NAMESPACE = "graphql_auth"
# Each process knows the whole of these. All others are added up.
MAXIMA = {
    f"{NAMESPACE}_{name}"
    for name in ("revoked_sessions", "outbox_mails", "revocation_poll_age_seconds")
}
SECONDS_BETWEEN_SAMPLES = 2.0

logger = logging.getLogger(__name__)
_failures = LogRateLimit(seconds=60.0)


class Metrics:
    """The metrics of this process. A label is a name of the schema or of this package."""

    def __init__(self) -> None:
        # Of one process, and without a sum.
        for collector in (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR):
            with suppress(KeyError):  # An application can have done it.
                REGISTRY.unregister(collector)
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._requests = Counter("requests", "GraphQL requests.", ["field", "code"], NAMESPACE)
        self._seconds = Histogram(
            "request_seconds", "Time to the answer.", ["field"], NAMESPACE, buckets=BUCKETS
        )

    def observe(
        self, operation: OperationDefinitionNode | None, code: object, seconds: float
    ) -> None:
        """Count a response, with the operation if it was valid and the code of the first error."""
        match operation and operation.selection_set.selections:
            case None:
                field = "none"
            case [FieldNode(name=name)]:
                field = name.value
            case _:
                field = "several"
        known = code if isinstance(code, str) and code in CODES else "OTHER"
        self._requests.labels(field, known).inc()
        self._seconds.labels(field).observe(seconds)

    @staticmethod
    def watch(services: "ServiceContainer") -> tuple[float, Work]:
        """Count what the services do, and return the job that measures their state."""
        mails = Counter("mails", "Mails that were sent, or not.", ["outcome"], NAMESPACE)
        labels = ["event", "outcome"]
        events = Counter("security_events", "Security events of the log.", labels, NAMESPACE)
        gauge = functools.partial(Gauge, namespace=NAMESPACE)
        hashes = gauge("hash_queue_length", "Hashes that wait or run.")
        revoked = gauge("revoked_sessions", "Revoked sessions in the memory of a process.")
        outbox = gauge("outbox_mails", "Mails that wait, up to 1000.")
        polled = gauge("revocation_poll_age_seconds", "Time since revoked sessions were read.")
        start = time.monotonic()
        # Computed when it is read, so that a process whose event loop hangs has one too.
        polled.set_function(
            lambda: time.monotonic() - max(start, services.sessions.revocations.polled_at)
        )
        if sender := services.outbox.sender:
            sender.count = lambda outcome: mails.labels(outcome).inc()

        def count_event(record: logging.LogRecord) -> bool:
            events.labels(*map(record.__dict__["fields"].get, labels)).inc()
            return True

        async def measure() -> None:
            hashes.set(services.hash_queue.pending.total())
            revoked.set(len(services.sessions.revocations.revoked))
            if sender:
                outbox.set(await services.outbox.count())

        security_log.logger.addFilter(count_event)
        return SECONDS_BETWEEN_SAMPLES, measure

    @staticmethod
    def collect() -> list[Metric]:
        """Return what this process has counted, without the metrics that fail."""
        found: list[Metric] = []
        # REGISTRY.collect() ends at the first failure.
        for collector in [*REGISTRY._collector_to_names]:  # noqa: SLF001
            try:
                found += _add_up(collector.collect())
            except Exception as error:  # noqa: BLE001 - of a metric of the application
                if _failures.can_log(id(collector)):
                    logger.warning("a metric is missing: %s", describe_exception(error))
        return found


class TotalMetrics(Collector):
    """The metrics of this process, and of its workers by their process ids."""

    def __init__(self) -> None:
        text = "Workers that died or hung."
        self.replaced_workers = Counter("workers_replaced", text, namespace=NAMESPACE)
        self._workers: dict[int, list[Metric]] = {}
        # The counts of workers that have ended.
        self._ended: list[Metric] = []
        self._lock = threading.Lock()

    def update(self, worker: int, metrics: list[Metric]) -> None:
        with self._lock:
            self._workers[worker] = metrics

    def end(self, worker: int, metrics: list[Metric]) -> None:
        """Keep the counts of a worker that has ended, but not its state."""
        counts = [metric for metric in metrics if metric.type != "gauge"]
        with self._lock:
            self._workers.pop(worker, None)
            self._ended = _add_up(self._ended, counts)

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            return _add_up(Metrics.collect(), self._ended, *self._workers.values())

    def serve(self, port: int) -> None:
        """Serve them from a thread. Raises StartError."""
        registry = CollectorRegistry()
        registry.register(self)
        try:
            server = _Server(("127.0.0.1", port), _Handler.factory(registry))
        except OSError as error:
            raise StartError(
                f"METRICS_PORT {port} cannot be used: {error.strerror}."
                " Set another port, or stop the program that uses this one."
            ) from None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        logger.info("metrics are at http://127.0.0.1:%d/metrics", server.server_address[1])


def _add_up(*processes: Iterable[Metric]) -> list[Metric]:
    """Return the metrics of several processes as those of one, in strings and floats."""
    totals: dict[str, Metric] = {}
    samples: dict[tuple[object, ...], Sample] = {}
    for metric in chain(*processes):
        totals.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
        combine = max if metric.name in MAXIMA else operator.add
        for name, labels, value, *_ in metric.samples:
            strings = {label: str(text) for label, text in labels.items()}
            key = (metric.name, name, *strings.items())
            total = combine(samples[key].value, value) if key in samples else value
            samples[key] = Sample(name, strings, float(total))
    for (metric_name, *_), sample in samples.items():
        totals[str(metric_name)].samples.append(sample)
    return [*totals.values()]


class _Handler(MetricsHandler):
    # Of a client that sends nothing.
    timeout = 10.0


class _Server(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        # OSError: the client hung up.
        if isinstance(error := sys.exception(), Exception) and not isinstance(error, OSError):
            logger.error("/metrics failed: %s", describe_exception(error))
