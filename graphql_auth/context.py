"""The context of a request: who calls, from where, and the services to ask."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

import strawberry
from starlette.requests import Request

from graphql_auth.accounts.email_change import EmailChangeService
from graphql_auth.accounts.features import Features
from graphql_auth.accounts.password_change import PasswordChangeService
from graphql_auth.accounts.password_reset import PasswordResetService
from graphql_auth.accounts.service import AccountService
from graphql_auth.accounts.sign_in_link import SignInLinkService
from graphql_auth.accounts.sign_up import SignUpService
from graphql_auth.client_info import ClientInfo
from graphql_auth.errors import TokenReason, Unauthenticated, Unavailable
from graphql_auth.graphql_http.endpoint import IS_ANONYMOUS, Headers
from graphql_auth.graphql_http.params import GraphQLParams
from graphql_auth.mail.outbox import Outbox
from graphql_auth.sessions.cookies import Cookies
from graphql_auth.sessions.rotation import RefreshTokenRotation
from graphql_auth.sessions.service import SessionService
from graphql_auth.tokens.access_tokens import Principal
from graphql_auth.tokens.token_sources import find_tokens


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Nobody is signed in, for this reason."""

    reason: TokenReason


@dataclass(frozen=True, slots=True)
class Indeterminate:
    """The token is valid, but whether its session has ended is unknown now."""


Caller = Principal | Anonymous | Indeterminate


@dataclass(frozen=True, slots=True)
class Services:
    """The services that resolvers call."""

    features: Features
    accounts: AccountService
    sign_up: SignUpService
    password_reset: PasswordResetService
    password_change: PasswordChangeService
    email_change: EmailChangeService
    sign_in_link: SignInLinkService
    sessions: SessionService
    rotation: RefreshTokenRotation
    outbox: Outbox


@dataclass(frozen=True, slots=True)
class Context:
    services: Services
    caller: Caller
    request: Request
    cookies: Cookies
    # What the function ``context`` of the application returned.
    app: Any = None

    async def account(self) -> Any:
        """Return the stored user who is signed in; raises Unauthenticated and Unavailable."""
        user = await self.services.rotation.load_user(self.principal.subject)
        if user is None:
            raise Unauthenticated(TokenReason.TOKEN_REVOKED)
        return user

    def client_with(self, device_token: str | None) -> ClientInfo:
        """Return the client with the device tokens of the input and of the cookie."""
        return self.client.with_device_tokens(device_token or None, self.cookies.device.peek())

    @property
    def client(self) -> ClientInfo:
        client = self.request.client
        return ClientInfo(
            ip_address=_canonical_ip(client.host) if client else None,
            user_agent=self.request.headers.get("user-agent"),
        )

    @property
    def principal(self) -> Principal:
        """The signed-in caller; raises Unauthenticated and Unavailable.

        It is checked each time, since an earlier field may have ended the session.
        """
        match self.caller:
            case Anonymous(reason):
                raise Unauthenticated(reason)
            case Indeterminate():
                raise Unavailable(retry_after=1)
            case principal:
                self.services.sessions.check(principal)
                return principal


# What a resolver of an application gets, as its parameter ``info``.
Info = strawberry.Info[Context, None]


def context_factory(
    services: Services,
    token_sources: Collection[str],
    allowed_origins: Collection[str],
    app_context: Callable[[Request], Any] | None = None,
) -> Callable[[Request, Headers, GraphQLParams], Context]:
    def create_context(request: Request, headers: Headers, params: GraphQLParams) -> Context:
        tokens = [*find_tokens(request, params.values, token_sources)]
        request.scope[IS_ANONYMOUS] = not tokens
        return Context(
            services,
            identify_caller(services.sessions, tokens),
            request,
            Cookies(request, headers, allowed_origins),
            app_context(request) if app_context else None,
        )

    return create_context


def identify_caller(sessions: SessionService, tokens: Iterable[str]) -> Caller:
    """Return the caller that the tokens of a request name.

    An invalid token is no error yet, since register and login ignore it. Two different tokens
    contradict each other, so they count as an invalid one.
    """
    match list(set(tokens)):
        case []:
            return Anonymous(TokenReason.TOKEN_MISSING)
        case [token]:
            try:
                return sessions.authenticate(token)
            except Unauthenticated as error:
                return Anonymous(error.reason)
            except Unavailable:
                return Indeterminate()
        case _:
            return Anonymous(TokenReason.TOKEN_INVALID)


@lru_cache(maxsize=1024)
def _canonical_ip(host: str) -> str | None:
    try:
        # Without the zone of an IPv6 address, which can be any text (RFC 4007 section 11).
        address = ip_address(host.partition("%")[0])
    except ValueError:
        # A proxy can pass on something else than an IP address.
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
