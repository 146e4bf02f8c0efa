"""The client, the scheme and the host of a request that comes through a trusted proxy."""

import logging
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address
from itertools import takewhile

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = IPv4Network | IPv6Network
FORWARDED = {b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
# The development server of a frontend passes on requests from the same machine.
LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
UNKNOWN_PROXY = (
    "TRUSTED_PROXIES does not have %s, which sends X-Forwarded-For: so all clients behind it share"
    " its IP address and one rate limit. If it is your proxy, add it to TRUSTED_PROXIES."
)

logger = logging.getLogger(__name__)


class TrustedProxyMiddleware(ProxyHeadersMiddleware):
    """Takes client, scheme and host from ``X-Forwarded-For``, ``-Proto`` and ``-Host``.

    The client is the last IP address in the list that is not a trusted proxy. A client can forge
    those before it. Scheme and host are those that the first of the trusted proxies received.
    """

    _has_warned = False

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        super().__init__(app, [form for network in trusted for form in _forms(network)])  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if FORWARDED.isdisjoint(dict(scope.get("headers", ()))):
            await self.app(scope, receive, send)  # type: ignore[arg-type]
            return
        client = scope.get("client")
        if client and client[0] in self.trusted_hosts:
            headers = MutableHeaders(scope=scope)
            clients = _split(headers.getlist("x-forwarded-for"))
            proxies = 1 + len([*takewhile(self.trusted_hosts.__contains__, reversed(clients))])
            if clients:
                # Uvicorn would take an empty element for the client.
                headers["x-forwarded-for"] = ", ".join(clients)
            for name, target in (("host", "host"), ("proto", "x-forwarded-proto")):
                if values := _split(headers.getlist(f"x-forwarded-{name}")):
                    headers[target] = values[-proxies:][0]
        elif client and not self._has_warned and _is_own_proxy(client[0], Headers(scope=scope)):
            self._has_warned = True
            logger.warning(UNKNOWN_PROXY, client[0])
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def _is_own_proxy(peer: str, headers: Headers) -> bool:
    """Whether a request comes through a proxy on this machine or in a private network."""
    clients = _split(headers.getlist("x-forwarded-for"))
    # An ASGI server can have replaced the peer by the client.
    if not clients or clients[-1] in {peer, *LOOPBACK}:
        return False
    try:
        return not ip_address(peer.removeprefix("::ffff:")).is_global
    except ValueError:
        return False


def _split(lines: Iterable[str]) -> list[str]:
    return [value for line in lines for part in line.split(",") if (value := part.strip().lower())]


def _forms(network: Network) -> Iterator[str]:
    yield str(network)
    if isinstance(network, IPv4Network):
        # RFC 4291 section 2.5.5.2: how an IPv6 socket shows an IPv4 client.
        yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
