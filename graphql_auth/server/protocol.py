"""HTTP/1.1 for clients that are prompt: one that is slow to ask does not hold a place.

llhttp, the parser of Node.js, does the reading. It is less strict than the one that is written in
Python, and knows no bounds, so both are seen to here.
"""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
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
# uvloop reads sixteen times as much at once, which can be ten thousand requests.
MOST_BYTES_AT_ONCE = 16_384

# RFC 3986 section 3.2 without a user, which RFC 9110 section 4.2.4 has refused.
_AUTHORITY = rb"[!$-.0-;=A-Z\[\]_a-z~]*"
_HOST = re.compile(_AUTHORITY)
# RFC 9112 section 3.2. A fragment has no place there, and llhttp would leave it out.
_TARGET = re.compile(rb"\*|(?:https?://(?P<host>" + _AUTHORITY + rb"))?/[!\"$-~]*")


class PromptConfig(Config):
    """uvicorn's configuration, with the time that a client has to send the headers."""

    seconds_for_headers: float = 10.0


class PromptProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds in time and size for what has begun, and coded errors.

    uvicorn itself waits for ever for a request that has begun; it closes idle connections only. It
    queues all requests that a client sends without waiting for answers; here two are read at a
    time, or as many as have come in one piece.
    """

    config: PromptConfig
    _waiting: asyncio.TimerHandle | None = None
    _unread = b""
    _bytes_without_event = 0
    _refused = False
    _answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self._has_enough)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._unset_keepalive_if_required()
        self._unread += data
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._wait_no_more()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Begin to answer. What is raised here is answered by 400."""
        self._bytes_without_event = 0
        version = self.parser.get_http_version()
        _check(self.url, self.headers, version)
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("this is no proxy")
            return
        if version == "1.0":
            # RFC 9110 section 10.1.1: such a client does not know the answer 100.
            self.expect_100_continue = False
        super().on_headers_complete()
        # What llhttp finds from now on are trailers, which are no headers of the request.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._bytes_without_event = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the body, of a request that may have been answered already."""
        self._bytes_without_event = 0
        if not self.parser.should_upgrade():
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        if self._unread:
            self._read()

    def _has_enough(self) -> bool:
        return self._refused or bool(self.pipeline) or bool(self._unread)

    def _read(self) -> None:
        """Read until a request has to wait for the answer to another; keep the rest."""
        while self._unread and not self.pipeline and not self.transport.is_closing():
            piece = self._unread[:MOST_BYTES_AT_ONCE]
            self._unread = self._unread[MOST_BYTES_AT_ONCE:]
            self._parse(piece)
        if self._has_enough():
            self.flow.pause_reading()
        if self._unanswered():
            self._wait_no_more()
        else:
            self._wait()

    def _parse(self, piece: bytes) -> None:
        self._bytes_without_event += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as offer:
            self._unread = self._head_without_upgrade() + piece[offer.args[0] :] + self._unread
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        except httptools.HttpParserError:
            self._refuse()
        else:
            if self._bytes_without_event > MOST_BYTES_WITHOUT_EVENT:
                self._refuse()

    def _head_without_upgrade(self) -> bytes:
        """Return the head of a request that offers another protocol, without the offer.

        RFC 9110 section 7.8 lets us take no notice of it. Java's client and curl offer HTTP/2 in
        this way. llhttp takes what follows for the other protocol, even the body of the request;
        so it is given the head once more.
        """
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _refuse(self) -> None:
        """Answer what is not HTTP by an error that a GraphQL client can read.

        Requests before it on the same connection are answered first, and it is not answered then.
        """
        self.logger.warning("Invalid HTTP request received.")
        self._refused = True
        self._unread = b""
        unanswered = self._unanswered()
        due = [cycle for cycle in unanswered if cycle.response_started or not cycle.more_body]
        if due:
            due[-1].keep_alive = False
            return
        for broken in unanswered:
            broken.disconnected = True
            broken.message_event.set()
        # The rest of a request that is answered gets no answer of its own.
        if unanswered or self._answering is None or not self._answering.more_body:
            self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def _unanswered(self) -> list[RequestResponseCycle]:
        """Return the requests that have come and are not answered, the first one first."""
        if self._answering is None or self._answering.response_complete:
            return []
        return [self._answering, *(cycle for cycle, _ in reversed(self.pipeline))]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:  # noqa: ANN401
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

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


class _Flow(FlowControl):
    """uvicorn's, which would read on after each answer, however much is still to be answered."""

    def __init__(self, transport: asyncio.Transport, has_enough: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._has_enough = has_enough

    def resume_reading(self) -> None:
        """Read on, unless there is enough to do."""
        if not self._has_enough():
            super().resume_reading()


def _check(target: bytes, headers: list[tuple[bytes, bytes]], version: str) -> None:
    """Refuse what llhttp lets pass, so that no proxy in front can read a request another way."""
    form = _TARGET.fullmatch(target)
    hosts = [value for name, value in headers if name == b"host"]
    codings = [
        value.strip(b" \t").lower() for name, value in headers if name == b"transfer-encoding"
    ]
    if form is None or version not in VERSIONS:
        raise httptools.HttpParserError("another target, or another version")
    # RFC 9112 section 3.2: exactly one; version 1.0 has none.
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise httptools.HttpParserError("not one host")
    if not all(map(_HOST.fullmatch, hosts)) or form["host"] not in {None, *hosts}:
        raise httptools.HttpParserError("no host, or two different ones")
    # RFC 9112 section 6.1: version 1.0 has no transfer codings, and its proxies know none.
    if codings and (codings != [b"chunked"] or version == "1.0"):
        raise httptools.HttpParserError("a transfer coding that is not known")


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
