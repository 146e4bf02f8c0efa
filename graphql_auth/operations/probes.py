"""Probes for load balancers and orchestrators. None of them asks the database."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from graphql_auth.mongo.index_monitor import IndexMonitor
from graphql_auth.sessions.revocations import Revocations


@dataclass(eq=False, repr=False)
class Probes:
    """`/livez`: whether this process answers. `/readyz`: whether it should get requests.

    A load balancer asks `/readyz`. An orchestrator that restarts what does not answer asks
    `/livez`: a restart repairs no database. Any other status than 200 comes with the reasons.
    """

    revocations: Revocations
    indexes: IndexMonitor
    is_stopping: bool = False
    # Whether a start waits for MongoDB. The server is told, so that it answers meanwhile.
    is_waiting: bool = False
    on_waiting: Callable[[], Awaitable[object]] | None = None

    @property
    def routes(self) -> list[Route]:
        return [Route("/livez", self.live), Route("/readyz", self.ready)]

    async def live(self, _request: Request) -> JSONResponse:
        return _answer()

    async def ready(self, _request: Request) -> JSONResponse:
        return _answer(*self._find_reasons())

    def _find_reasons(self) -> Iterator[str]:
        if self.is_stopping:
            yield "The server is stopping."
        if self.is_waiting:
            yield "MongoDB does not answer: no request is served until it does."
        elif not self.revocations.are_current:
            yield "MongoDB does not answer: guarded fields are SERVICE_UNAVAILABLE."
        for name in sorted(self.indexes.missing_unique):
            yield f"The unique index {name} is missing: registration is refused."


def _answer(*reasons: str) -> JSONResponse:
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    content = {"status": "unavailable" if reasons else "ok", "reasons": reasons}
    return JSONResponse(content, status, {"Cache-Control": "no-store"})
