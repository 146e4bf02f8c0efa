"""What a resolver knows of the request: who calls, from where, and the services to ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.requests import Request

from graphql_auth.accounts.service import AccountService
from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.service import SessionService
from graphql_auth.throttling.devices import Device
from graphql_auth.tokens.access_tokens import Principal

# Whom the token of a request speaks for; or why for nobody; or None, when that cannot be known now.
Caller = Principal | TokenReason | None


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases that the API offers."""

    accounts: AccountService
    sessions: SessionService


@dataclass(frozen=True, slots=True)
class Context:
    """One request."""

    services: Services
    caller: Caller
    device: Device
    cookies: Cookies
    request_id: str

    @property
    def principal(self) -> Principal:
        """Whoever is signed in; raises Unauthenticated when nobody is, and Unavailable.

        Each field asks anew, for one before it may have ended the session.
        """
        match self.caller:
            case TokenReason():
                raise Unauthenticated(self.caller)
            case None:
                raise Unavailable(retry_after=1)
            case principal:
                self.services.sessions.check(principal)
                return principal


def identify(sessions: SessionService, tokens: Iterable[str]) -> Caller:
    """Say for whom the tokens of one request speak.

    A bad token is a fact about the request, not an error, for register and login take no notice
    of it. Two different tokens contradict each other, and so count as a bad one.
    """
    match list(set(tokens)):
        case []:
            return TokenReason.TOKEN_MISSING
        case [token]:
            try:
                return sessions.authenticate(token)
            except Unauthenticated as error:
                return error.fault
            except Unavailable:
                return None
        case _:
            return TokenReason.TOKEN_INVALID


def device_of(request: Request) -> Device:
    """Say where a request comes from."""
    return Device(
        ip_address=_address(request.client.host) if request.client else None,
        user_agent=request.headers.get("user-agent"),
    )


@lru_cache(maxsize=1024)
def _address(host: str) -> str | None:
    try:
        address = ip_address(host)
    except ValueError:
        # What a proxy passed on need not be an address.
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
