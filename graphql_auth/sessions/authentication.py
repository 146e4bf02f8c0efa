"""Authentication of a request by its access token, without a database query."""

from graphql_auth.sessions.revocations import Revocations
from graphql_auth.tokens.access_tokens import AccessTokens, Principal


class Authenticator:
    """Verifies access tokens and refuses those of revoked sessions.

    Every method raises Unauthenticated, and Unavailable when the list of revoked sessions is too
    old to decide.
    """

    def __init__(self, access_tokens: AccessTokens, revocations: Revocations) -> None:
        self._access_tokens = access_tokens
        self._revocations = revocations

    def authenticate(self, token: str) -> Principal:
        principal = self._access_tokens.verify(token)
        self.check(principal)
        return principal

    def check(self, principal: Principal) -> None:
        """Raise Unauthenticated if the session has been revoked."""
        self._revocations.check(principal.session_id)
