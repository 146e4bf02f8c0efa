"""What a resolver knows of the request: who calls, and the service to ask."""

from collections.abc import Iterable
from dataclasses import dataclass

from graphql_auth.auth.service import AuthService
from graphql_auth.auth.tokens import Principal
from graphql_auth.errors import TokenFault, Unauthenticated


@dataclass(frozen=True, slots=True)
class Context:
    """One request. ``caller`` is whom its token speaks for, or why it speaks for nobody."""

    service: AuthService
    caller: Principal | TokenFault
    request_id: str

    @property
    def principal(self) -> Principal:
        """Whoever is signed in; raises Unauthenticated when nobody is."""
        if isinstance(self.caller, TokenFault):
            raise Unauthenticated(self.caller)
        return self.caller


def identify(service: AuthService, tokens: Iterable[str]) -> Principal | TokenFault:
    """Say for whom the tokens of one request speak.

    A bad token is a fact about the request, not an error, for register and login take no notice
    of it. Two different tokens contradict each other, and so count as a bad one.
    """
    match list(set(tokens)):
        case []:
            return TokenFault.TOKEN_MISSING
        case [token]:
            try:
                return service.authenticate(token)
            except Unauthenticated as error:
                return error.fault
        case _:
            return TokenFault.TOKEN_INVALID
