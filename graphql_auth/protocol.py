"""HTTP/1.1 for clients that are prompt: one that is slow to ask does not hold a place."""

import asyncio
import json

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

NOT_HTTP = {
    "errors": [
        {
            "message": "This is not an HTTP request that can be answered.",
            "extensions": {"code": "BAD_REQUEST"},
        }
    ]
}


class PromptConfig(Config):
    """uvicorn's configuration, with the time that a client has to send the headers."""

    seconds_for_headers: float = 10.0


class PromptProtocol(H11Protocol):
    """uvicorn's protocol, with a time-out for the headers of a request, and coded errors.

    uvicorn itself waits for ever for a request that has begun; it closes idle connections only.
    """

    config: PromptConfig
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on while the headers of a request are not complete."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        else:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._wait_no_more()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the message of uvicorn
        """Answer what is not HTTP by an error that a GraphQL client can read."""
        body = json.dumps(NOT_HTTP).encode()
        headers = [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"connection", b"close"),
        ]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
        self.transport.close()

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
