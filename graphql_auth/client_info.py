"""Where a request comes from."""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address, ip_network

MAX_USER_AGENT_LENGTH = 400
# An IPv6 customer has at least a /64: https://www.rfc-editor.org/rfc/rfc6177
IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """What is known of a client; its device tokens prove earlier sign-ins."""

    ip_address: str | None = None
    user_agent: str | None = None
    device_tokens: tuple[str | None, ...] = field(default=(), repr=False)

    def with_device_tokens(self, *tokens: str | None) -> "ClientInfo":
        return replace(self, device_tokens=tokens)

    @property
    def network(self) -> str:
        return network_of(self.ip_address)

    @property
    def fields(self) -> dict[str, str | None]:
        """The values that a session stores."""
        agent = self.user_agent
        return {
            "ip_address": self.ip_address,
            "user_agent": agent and agent[:MAX_USER_AGENT_LENGTH],
        }


def network_of(ip: str | None) -> str:
    """Return what one customer of a provider has: an IPv4 address or an IPv6 network."""
    if ip is None:
        return "unknown"
    if isinstance(ip_address(ip), IPv4Address):
        return ip
    return str(ip_network((ip, IPV6_PREFIX), strict=False))
