"""HTTP/1.1 for clients that are prompt: one that is slow to ask does not hold a place.

llhttp, the parser of Node.js, does the reading. It is less strict than the one that is written in
Python, and knows no bounds, so both are seen to here.
"""

import asyncio
import json
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

NOT_HTTP = {
    "errors": [
        {
            "message": "This is not an HTTP request that can be answered.",
            "extensions": {"code": "BAD_REQUEST"},
        }
    ]
}
VERSIONS = {"1.0", "1.1"}
# Between two events, such as the end of the headers and a piece of the body.
MOST_BYTES_WITHOUT_EVENT = 65_536


class PromptConfig(Config):
    """uvicorn's configuration, with the time that a client has to send the headers."""

    seconds_for_headers: float = 10.0


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds in time and size for what has begun, and coded errors.

    uvicorn itself waits for ever for a request that has begun; it closes idle connections only.
    """

    config: PromptConfig
    _waiting: asyncio.TimerHandle | None = None
    _bytes_without_event = 0
    _answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on, and wait while the headers of a request are not complete."""
        if self.transport.is_closing():
            return
        self._bytes_without_event += len(data)
        super().data_received(data)
        if self._bytes_without_event > MOST_BYTES_WITHOUT_EVENT:
            self.send_400_response("")
        elif self._unanswered():
            self._wait_no_more()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._wait_no_more()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Begin to answer. What is raised here is answered by 400."""
        self._bytes_without_event = 0
        _check(self.headers, self.parser.get_http_version())
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # Nothing of ours is behind an upgrade, and llhttp reads nothing more that is HTTP.
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._bytes_without_event = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        self._bytes_without_event = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the message of uvicorn
        """Answer what is not HTTP by an error that a GraphQL client can read.

        Requests before it on the same connection are answered first, and it is not answered then.
        """
        complete = [cycle for cycle in self._unanswered() if not cycle.more_body]
        if complete:
            complete[-1].keep_alive = False
            return
        self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def _unanswered(self) -> list[RequestResponseCycle]:
        """Return the requests that have come and are not answered, the first one first."""
        waiting = [cycle for cycle, _ in reversed(self.pipeline)]
        if self._answering and not self._answering.response_complete:
            return [self._answering, *waiting]
        return waiting

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: uvicorn would advise to install WebSockets, which are not wanted here."""

    def _wait(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self.config.seconds_for_headers, self._give_up)

    def _wait_no_more(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        self.transport.close()


def _check(headers: list[tuple[bytes, bytes]], version: str) -> None:
    """Refuse what llhttp lets pass, so that no proxy in front can read a request another way."""
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise httptools.HttpParserError("a transfer coding that is not known")
    # RFC 9112 section 3.2: exactly one; version 1.0 has none.
    if version not in VERSIONS or hosts > 1 or (not hosts and version != "1.0"):
        raise httptools.HttpParserError("another version, or not one host")


def _response(body: bytes) -> bytes:
    return (
        b"HTTP/1.1 400 Bad Request\r\n"
        b"content-type: application/json; charset=utf-8\r\n"
        b"content-length: %d\r\n"
        b"cache-control: no-store\r\n"
        b"x-content-type-options: nosniff\r\n"
        b"connection: close\r\n\r\n" % len(body)
    ) + body


_BAD_REQUEST = _response(json.dumps(NOT_HTTP).encode())
