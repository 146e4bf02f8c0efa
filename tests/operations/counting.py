"""An application that makes a metric, hangs, and fails with any code."""

import json
import time
from pathlib import Path

import strawberry
from graphql import GraphQLError
from prometheus_client import Counter

from graphql_auth import ApplicationError, GraphQLAuth, Query

ORDERS = Counter("orders", "Orders.")


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
