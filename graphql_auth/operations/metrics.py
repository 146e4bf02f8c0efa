"""What each process of ``graphql-auth serve`` counts, and ``/metrics``. See metrics_files.py."""

import functools
import logging
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Iterable
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, OperationDefinitionNode
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, MetricsHandler
from prometheus_client.multiprocess import MultiProcessCollector

from graphql_auth import security_log
from graphql_auth.errors import ErrorCode, StartError
from graphql_auth.logs import describe_exception
from graphql_auth.operations.metrics_files import find_files
from graphql_auth.runtime.periodic import Work

if TYPE_CHECKING:
    from graphql_auth.services import ServiceContainer

CODES = {"OK", *ErrorCode}
# From `welcome` to a login that waits for the hashes of others.
BUCKETS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
NAMESPACE, POLL_AGE = "graphql_auth", "revocation_poll_age_seconds"
SECONDS_BETWEEN_SAMPLES = 2.0

logger = logging.getLogger(__name__)


class Metrics:
    """The metrics of this process. A label is a name of the schema or of this package."""

    def __init__(self, port: int) -> None:
        self._port = port
        requests = Counter("requests", "GraphQL requests.", ["field", "code"], NAMESPACE)
        seconds = Histogram(
            "request_seconds", "Time to the answer.", ["field"], NAMESPACE, buckets=BUCKETS
        )

        @functools.cache
        def open_cells(field: str, code: str) -> tuple[list["memoryview[float]"], list[int]]:
            child: Any = seconds.labels(field)
            counter: Any = requests.labels(field, code)
            values = counter._value, child._sum, *child._buckets  # noqa: SLF001
            files = values[0]._file, values[1]._file  # noqa: SLF001
            places = [one._file._positions[one._key] // 8 for one in values]  # noqa: SLF001
            return [memoryview(file._m).cast("d") for file in files], places  # noqa: SLF001

        self._open_cells = open_cells
        text = "Workers that died or hung."
        self.replaced_workers = Counter("workers_replaced", text, namespace=NAMESPACE)

    def observe(
        self, operation: OperationDefinitionNode | None, code: object, seconds: float
    ) -> None:
        """Count a response, with the operation if it was valid and the code of the first error."""
        known = code if isinstance(code, str) and code in CODES else "OTHER"
        # In place: the methods of prometheus-client take 8 % of the time of `welcome`.
        (counts, times), places = self._open_cells(_root_field(operation), known)
        counts[places[0]] += 1
        times[places[1]] += seconds
        times[places[2 + bisect_left(BUCKETS, seconds)]] += 1

    @staticmethod
    def watch(services: "ServiceContainer") -> tuple[float, Work]:
        """Count what the services do, and return the job that measures their state."""
        mails = Counter("mails", "Mails that were sent, or not.", ["outcome"], NAMESPACE)
        labels = ["event", "outcome"]
        events = Counter("security_events", "Security events of the log.", labels, NAMESPACE)
        # The value of all processes together is the sum, the maximum or the minimum.
        most = functools.partial(Gauge, namespace=NAMESPACE, multiprocess_mode="livemax")
        hashes = most("hash_queue_length", "Hashes that wait or run.", multiprocess_mode="livesum")
        revoked = most("revoked_sessions", "Revoked sessions in the memory of a process.")
        outbox = most("outbox_mails", "Mails that wait, up to 1000.")
        # The time itself. The age is computed when it is read, so a process that hangs has one too.
        polled = most(
            POLL_AGE, "Time since revoked sessions were read.", multiprocess_mode="livemin"
        )
        polled.set(start := time.monotonic())
        if sender := services.outbox.sender:
            sender.count = lambda outcome: mails.labels(outcome).inc()

        def count_event(record: logging.LogRecord) -> bool:
            events.labels(*map(record.__dict__["fields"].get, labels)).inc()
            return True

        async def measure() -> None:
            hashes.set(services.hash_queue.pending.total())
            revoked.set(len(services.revocations.revoked))
            polled.set(max(start, services.revocations.polled_at))
            if sender:
                outbox.set(await services.outbox.count())

        security_log.logger.addFilter(count_event)
        return SECONDS_BETWEEN_SAMPLES, measure

    def serve(self) -> None:
        """Serve the metrics of all processes, from a thread. Raises StartError."""
        registry = CollectorRegistry()
        _Collector(registry)  # type: ignore[no-untyped-call]
        try:
            server = _Server(("127.0.0.1", self._port), _Handler.factory(registry))
        except OSError as error:
            raise StartError(
                f"METRICS_PORT {self._port} cannot be used: {error.strerror}."
                " Set another port, or stop the program that uses this one."
            ) from None
        threading.Thread(target=server.serve_forever, daemon=True).start()
        logger.info("metrics are at http://127.0.0.1:%d/metrics", server.server_address[1])


class _Collector(MultiProcessCollector):
    def collect(self) -> Iterable[Metric]:
        for metric in self.merge(find_files()):  # type: ignore[no-untyped-call]
            if metric.name.endswith(POLL_AGE):
                # All processes of a machine share this clock.
                now = time.monotonic()
                metric.samples = [one._replace(value=now - one.value) for one in metric.samples]
            yield metric


class _Handler(MetricsHandler):
    # Of a client that sends nothing.
    timeout = 10.0


class _Server(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002
        # OSError: the client hung up.
        if isinstance(error := sys.exception(), Exception) and not isinstance(error, OSError):
            logger.error("/metrics failed: %s", describe_exception(error))


def _root_field(operation: OperationDefinitionNode | None) -> str:
    if operation is None:
        return "none"
    match operation.selection_set.selections:
        case [FieldNode(name=name)]:
            return name.value
    return "several"
