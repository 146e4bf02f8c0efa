"""The client and the scheme of a request that comes through a trusted proxy."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

Network = IPv4Network | IPv6Network


class TrustedProxyMiddleware(ProxyHeadersMiddleware):
    """Takes client and scheme from ``X-Forwarded-For`` and ``-Proto`` of a trusted proxy.

    The client is the last IP address in the list that is not a trusted proxy. A client can forge
    those before it.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[Network]) -> None:
        super().__init__(app, [form for network in trusted for form in _forms(network)])  # type: ignore[arg-type]


def _forms(network: Network) -> Iterator[str]:
    yield str(network)
    if isinstance(network, IPv4Network):
        # RFC 4291 section 2.5.5.2: how an IPv6 socket shows an IPv4 client.
        yield f"::ffff:{network.network_address}/{96 + network.prefixlen}"
