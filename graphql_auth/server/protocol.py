"""Uvicorn's HTTP/1.1 protocol with a header timeout, size limits and JSON 400 responses.

It protects from slowloris and request smuggling. llhttp, the parser of Node.js, is fast, but it is
less strict than h11 and has no limits.
"""

import asyncio
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from graphql_auth.logs import LogRateLimit

MESSAGE = "This is not an HTTP request that can be answered."
# Between two events, such as the end of the headers and a piece of the body.
MAX_BYTES_WITHOUT_EVENT = 65_536
# uvloop reads 16 times as much at once, which can be 10,000 requests.
MAX_BYTES_AT_ONCE = 16_384

_log_rate_limit = LogRateLimit(seconds=10.0)

# RFC 3986 section 3.2, without user information: RFC 9110 section 4.2.4 deprecates it.
_AUTHORITY = rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[!$&-.0-9;=A-Z_a-z~]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
_HOST = re.compile(_AUTHORITY)
# RFC 9112 section 3.2. It allows no fragment, which llhttp would drop.
_TARGET = re.compile(rb"\*|(?:https?://(?P<host>" + _AUTHORITY + rb"))?/[!\"$-~]*")

_BODY = json.dumps({"errors": [{"message": MESSAGE, "extensions": {"code": "BAD_REQUEST"}}]})
_BAD_REQUEST = (
    "HTTP/1.1 400 Bad Request\r\n"
    "content-type: application/json; charset=utf-8\r\n"
    f"content-length: {len(_BODY)}\r\n"
    "cache-control: no-store\r\n"
    "x-content-type-options: nosniff\r\n"
    f"connection: close\r\n\r\n{_BODY}"
).encode()


class HardenedHttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with limits for requests that have begun, and coded errors.

    Uvicorn has a timeout for idle connections only, and queues all requests that a client sends
    without waiting for responses. Here at most two are read at a time, or the requests of one
    piece.

    ``request_read_timeout`` is the seconds that a client has to send the headers.
    """

    _timeout: asyncio.TimerHandle | None = None
    _unread = b""
    _bytes_without_event = 0
    _is_refused = False
    _current_cycle: RequestResponseCycle | None = None

    def __init__(self, request_read_timeout: float, config: Config, state: ServerState) -> None:
        super().__init__(config, state, app_state={})
        self._request_read_timeout = request_read_timeout

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _FlowControl(transport, self._has_enough)
        self._start_timeout()

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self._unread += data
        self._read()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timeout()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Start the request. Any exception here becomes a 400 response."""
        self._bytes_without_event = 0
        version = self.parser.get_http_version()
        _check_head(self.url, self.headers, version)
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("not a proxy")
            return
        if version == "1.0":
            # RFC 9110 section 10.1.1: a 1.0 client does not know the status 100.
            self.expect_100_continue = False
        super().on_headers_complete()
        # From here on llhttp reports trailers, which must not become headers of the request.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._bytes_without_event = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request, which may have its response already."""
        self._bytes_without_event = 0
        if not self.parser.should_upgrade():
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        has_begun = self.cycle.more_body or self.scope is not self.cycle.scope
        if self._unread or has_begun:
            # The connection is not idle: the next request is limited by its own timeouts.
            self._unset_keepalive_if_required()
            self._read()

    def _has_enough(self) -> bool:
        return self._is_refused or bool(self.pipeline) or bool(self._unread)

    def _read(self) -> None:
        """Parse until a request has to wait for the response to another; keep the rest."""
        while self._unread and not self.pipeline and not self.transport.is_closing():
            piece = self._unread[:MAX_BYTES_AT_ONCE]
            self._unread = self._unread[MAX_BYTES_AT_ONCE:]
            self._parse(piece)
        if self._has_enough():
            self.flow.pause_reading()
        if self._unanswered():
            self._stop_timeout()
        else:
            self._start_timeout()

    def _parse(self, piece: bytes) -> None:
        self._bytes_without_event += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._unread = self._head_without_upgrade() + piece[upgrade.args[0] :] + self._unread
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        except httptools.HttpParserError:
            self._refuse()
        else:
            if self._bytes_without_event > MAX_BYTES_WITHOUT_EVENT:
                self._refuse()

    def _head_without_upgrade(self) -> bytes:
        """Return the head of a request that offers another protocol, without the offer.

        RFC 9110 section 7.8 lets a server ignore it. Java's client and curl offer HTTP/2 in this
        way. llhttp treats everything after such a head as the other protocol, even the body; so
        the head is parsed again without the offer.
        """
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def _refuse(self) -> None:
        """Answer what is not HTTP with an error that a GraphQL client can read.

        If earlier requests of the connection are due for a response, they get it, and this one
        gets none.
        """
        if _log_rate_limit.can_log(None):
            self.logger.warning("Invalid HTTP request received.")
        self._is_refused = True
        self._unread = b""
        unanswered = self._unanswered()
        due = [cycle for cycle in unanswered if cycle.response_started or not cycle.more_body]
        if due:
            due[-1].keep_alive = False
            return
        for broken in unanswered:
            broken.disconnected = True
            broken.message_event.set()
        # The rest of a request that has its response gets none of its own.
        if unanswered or self._current_cycle is None or not self._current_cycle.more_body:
            self.transport.write(_BAD_REQUEST)
        self.transport.close()

    def _unanswered(self) -> list[RequestResponseCycle]:
        """Return the requests without a complete response, the first one first."""
        if self._current_cycle is None or self._current_cycle.response_complete:
            return []
        return [self._current_cycle, *(cycle for cycle, _ in reversed(self.pipeline))]

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current_cycle = cycle
        if cycle.scope["method"] != "HEAD":
            cycle.transport = _Responder(self.transport, self.loop)
        super()._start_asgi_task(cycle, app)

    def _start_timeout(self) -> None:
        if self._timeout is None:
            self._timeout = self.loop.call_later(self._request_read_timeout, self.transport.close)

    def _stop_timeout(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
            self._timeout = None


class _Responder(asyncio.Transport):
    """Sends the head of a response together with its body: one system call instead of two."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._has_head = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._has_head:
            self._flush(data)
        else:
            self._head, self._has_head = bytes(data), True
            # If the body comes later.
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _flush(self, data: bytes | bytearray | memoryview = b"") -> None:
        head, self._head = self._head, b""
        # uvloop raises an error if the client has closed the connection meanwhile.
        if (head or data) and not self._transport.is_closing():
            self._transport.write(head + data)


class _FlowControl(FlowControl):
    """Uvicorn's, which would read on after each response, however many requests wait."""

    def __init__(self, transport: asyncio.Transport, has_enough: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._has_enough = has_enough

    def resume_reading(self) -> None:
        if not self._has_enough():
            super().resume_reading()


def _check_head(target: bytes, headers: list[tuple[bytes, bytes]], version: str) -> None:
    """Refuse what llhttp accepts and a proxy could read in another way (request smuggling)."""
    form = _TARGET.fullmatch(target)
    hosts = [value for name, value in headers if name == b"host"]
    codings = [
        value.strip(b" \t").lower() for name, value in headers if name == b"transfer-encoding"
    ]
    if form is None or version not in {"1.0", "1.1"}:
        raise httptools.HttpParserError("invalid target or version")
    # RFC 9112 section 3.2: exactly one Host header; version 1.0 may have none.
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        raise httptools.HttpParserError("not exactly one Host header")
    if not all(map(_is_host, hosts)) or form["host"] not in {None, *hosts}:
        raise httptools.HttpParserError("invalid Host header, or not the host of the target")
    # RFC 9112 section 6.1: version 1.0 has no transfer codings, and its proxies know none.
    if codings and (codings != [b"chunked"] or version == "1.0"):
        raise httptools.HttpParserError("unknown transfer coding")


@lru_cache(maxsize=256)
def _is_host(value: bytes) -> bool:
    try:
        # It checks the IPv6 address and the port.
        return _HOST.fullmatch(value) is not None and urlsplit(b"//" + value).port != 0
    except ValueError:
        return False
