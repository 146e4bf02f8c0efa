"""The client, the scheme and the host of a request that comes through a trusted proxy."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from itertools import takewhile

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = IPv4Network | IPv6Network


class TrustedProxyMiddleware(ProxyHeadersMiddleware):
    """Takes client, scheme and host from ``X-Forwarded-For``, ``-Proto`` and ``-Host``.

    The client is the last IP address in the list that is not a trusted proxy. A client can forge
    those before it. Scheme and host are those that the first of the trusted proxies received.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        super().__init__(app, [form for network in trusted for form in _forms(network)])  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """Handle one request."""
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
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]


def _split(lines: Iterable[str]) -> list[str]:
    return [value for line in lines for part in line.split(",") if (value := part.strip().lower())]


def _forms(network: Network) -> Iterator[str]:
    yield str(network)
    if isinstance(network, IPv4Network):
        # RFC 4291 section 2.5.5.2: how an IPv6 socket shows an IPv4 client.
        yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
