"""The client behind the proxies that we trust, where a proxy stands between."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = IPv4Network | IPv6Network


class TrustedProxyMiddleware(ProxyHeadersMiddleware):
    """Takes client and scheme from ``X-Forwarded-For`` and ``-Proto`` of a trusted proxy.

    The client is the last address in the list that is not itself trusted: what stands before it
    was written by whoever wanted to be taken for another.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        super().__init__(app, [seen for network in trusted for seen in _as_seen(network)])  # type: ignore[arg-type]


def _as_seen(network: Network) -> Iterator[str]:
    yield str(network)
    if isinstance(network, IPv4Network):
        # RFC 4291 section 2.5.5.2: so a socket for IPv6 shows who comes by IPv4.
        yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
