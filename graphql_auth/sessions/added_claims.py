"""The claims that an application adds to access tokens."""

import inspect
import json
from collections.abc import Callable
from typing import Any

from graphql_auth.errors import StartError
from graphql_auth.users.document import UserDocument

# Of RFC 7519, 8693, 7800, 9068 and OpenID Connect: verifiers give them a meaning.
RESERVED = {
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "roles", "client_id", "act"),
    *("may_act", "cnf", "auth_time", "acr", "amr", "azp", "nonce"),
}
# As JSON. With the most roles and the longest signature, a token is still short enough.
MAX_BYTES = 1_000

AddClaims = Callable[[Any], Any]


class AddedClaims:
    """The function ``claims`` of an application, if there is one."""

    def __init__(self) -> None:
        self._function: AddClaims | None = None

    def register(self, function: AddClaims) -> AddClaims:
        """Keep the function; raises StartError if there is one already, TypeError for others."""
        if self._function:
            raise StartError("auth.claims: there can be one function of the claims.")
        inspect.signature(function).bind(None)
        self._function = function
        return function

    async def of(self, user: UserDocument) -> dict[str, Any]:
        """Return the claims that a token of the user gets beside ours.

        Raises ValueError for what no token may contain, and what the function raises.
        """
        if self._function is None:
            return {}
        claims = self._function(user)
        if inspect.isawaitable(claims):
            claims = await claims
        if not isinstance(claims, dict) or not all(isinstance(name, str) for name in claims):
            raise ValueError("auth.claims: the function has to return a dict with names as keys")
        if reserved := sorted(RESERVED & claims.keys()):
            raise ValueError(f"auth.claims: {', '.join(reserved)} cannot be set")
        try:
            size = len(json.dumps(claims, separators=(",", ":"), allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            raise ValueError("auth.claims: a claim is not JSON") from None
        if size > MAX_BYTES:
            raise ValueError(f"auth.claims: {size} bytes of JSON; the most is {MAX_BYTES}")
        return claims
