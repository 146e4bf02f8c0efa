"""Where a request comes from."""

from dataclasses import dataclass

MAX_USER_AGENT_LENGTH = 400


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """IP address and user agent of a client; None where they are not known."""

    ip_address: str | None = None
    user_agent: str | None = None

    @property
    def fields(self) -> dict[str, str | None]:
        """The values that a session stores."""
        agent = self.user_agent
        return {
            "ip_address": self.ip_address,
            "user_agent": agent and agent[:MAX_USER_AGENT_LENGTH],
        }
