"""An application that makes a metric, hangs, and fails with any code."""

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import strawberry
from graphql import GraphQLError
from prometheus_client import REGISTRY, Counter, Metric
from prometheus_client.registry import Collector

from graphql_auth import ApplicationError, GraphQLAuth, Query

ORDERS = Counter("orders", "Orders.")


class Level:
    """A number that cannot be pickled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __float__(self) -> float:
        with self._lock:
            return 2.0


class Levels(Collector):
    def collect(self) -> Iterable[Metric]:
        metric = Metric("levels", "Levels.", "gauge")
        metric.add_sample("levels", {"tank": 7}, Level())  # type: ignore[arg-type, dict-item]
        yield metric


REGISTRY.register(Levels())


@strawberry.type
class CountingQuery(Query):
    @strawberry.field
    def order(self) -> bool:
        ORDERS.inc()
        return True

    @strawberry.field
    def hang(self, until: str) -> bool:
        """Block the event loop until a file exists."""
        while not Path(until).exists():
            time.sleep(0.05)
        return True

    @strawberry.field
    def fail(self, code: str) -> bool:
        raise ApplicationError("Failed.", code=code)

    @strawberry.field
    def fail_with(self, code: str) -> bool:
        raise GraphQLError("Failed.", extensions={"code": json.loads(code)})


auth = GraphQLAuth(query=CountingQuery)
