"""Access tokens: JSON Web Tokens in the profile of RFC 9068, signed with HMAC-SHA-256.

PyJWT checks the signature. Header and claims are checked here, because PyJWT accepts much that
RFC 7519, RFC 8725 and RFC 9068 forbid.
"""

import json
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeGuard

import jwt

from graphql_auth.errors import StartError, TokenReason, Unauthenticated
from graphql_auth.roles import MAX_ROLES, is_role

ALGORITHM = "HS256"
TYPE = "at+jwt"
ISSUER = "graphql-auth"
AUDIENCE = "graphql-auth"
# Without roles, a token has 317 characters; with the most and longest roles, 3,189.
MAX_TOKEN_LENGTH = 4096
# About 1 kB each. Invalid tokens are not cached, so clients cannot fill the cache with them.
CACHE_SIZE = 4096
# Limit of the clock difference between two members of one database.
CLOCK_SKEW_SECONDS = 60
# No setting allows such a lifetime; a time in milliseconds would look like one.
MAX_LIFETIME_SECONDS = 366 * 24 * 3600

# Three segments of base64url without padding (RFC 7515 section 7.1). The last character of a
# signature of 32 bytes has two spare bits. They must be zero, otherwise a token has four spellings.
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and its expiry."""

    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """The user and the session that an access token names, both as ids, and the user's roles."""

    subject: str
    session_id: str
    roles: tuple[str, ...] = ()


class AccessTokens:
    """Issues and verifies the access tokens of one key.

    ``key`` has at least 32 bytes (RFC 7518 section 3.2). ``now`` returns seconds since 1970, by a
    clock that all servers with this key share.

    Raises StartError when PyJWT takes the key for an asymmetric one, for example a public key.
    """

    def __init__(self, key: str, lifetime: timedelta, now: Callable[[], float]) -> None:
        self._key = key
        self._lifetime = int(lifetime.total_seconds())
        self._now = now
        self._jws = jwt.PyJWS([ALGORITHM])
        # The claims of a valid token never change; only its times are checked each time.
        self._cached_claims = lru_cache(CACHE_SIZE)(self._decode)
        try:
            self._header = self._sign({}).partition(".")[0]
        except jwt.InvalidKeyError:
            raise StartError(
                "Invalid TOKEN_KEY: expected a secret, found a public or private key."
            ) from None

    def expiry(self) -> datetime:
        """Return when a token that is issued now expires."""
        return datetime.fromtimestamp(int(self._now()) + self._lifetime, UTC)

    def issue(
        self, subject: str, session_id: str, expires_at: datetime, roles: Collection[str] = ()
    ) -> AccessToken:
        """Return a new token for the user and the session with these ids.

        The claim ``sid`` is that of OpenID Connect Front-Channel Logout 1.0 section 3, and
        ``roles`` that of RFC 9068 section 2.2.3.1.
        """
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "sid": session_id,
            "iat": int(self._now()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        if roles:
            claims["roles"] = sorted(roles)
        return AccessToken(self._sign(claims), datetime.fromtimestamp(claims["exp"], UTC))

    def verify(self, token: str) -> Principal:
        """Return the principal of a token.

        Raises Unauthenticated: TOKEN_EXPIRED if only the expiry is wrong, otherwise TOKEN_INVALID.
        """
        principal, issued_at, expires_at = self._cached_claims(token)
        now = self._now()
        if issued_at > now + CLOCK_SKEW_SECONDS:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        if expires_at <= now:
            raise Unauthenticated(TokenReason.TOKEN_EXPIRED)
        return principal

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE})

    def _decode(self, token: str) -> tuple[Principal, int, int]:
        """Verify everything except the times; return principal, `iat` and `exp`."""
        # The header must be the one that we issue, byte for byte: no other algorithm, no further
        # or duplicate name.
        has_our_form = len(token) <= MAX_TOKEN_LENGTH and _COMPACT.fullmatch(token)
        if not has_our_form or not token.startswith(f"{self._header}."):
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        try:
            payload = self._jws.decode_complete(token, self._key, [ALGORITHM])["payload"]
            claims = json.loads(payload, object_pairs_hook=_refuse_duplicates)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthenticated(TokenReason.TOKEN_INVALID) from None
        if not isinstance(claims, dict) or not _are_valid(claims):
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        principal = Principal(claims["sub"], claims["sid"], tuple(claims.get("roles", ())))
        return principal, claims["iat"], claims["exp"]


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; raises ValueError for a duplicate name (RFC 8725 section 2.6)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate name")
    return found


def _are_valid(claims: dict[str, Any]) -> bool:
    """Whether the claims have the types and the sizes that we issue."""
    issued_at, expires_at, roles = claims.get("iat"), claims.get("exp"), claims.get("roles", [])
    return (
        claims.get("iss") == ISSUER
        and claims.get("aud") == AUDIENCE
        and _matches(_OBJECT_ID, claims.get("sub"))
        and _matches(_OBJECT_ID, claims.get("sid"))
        and _matches(_TOKEN_ID, claims.get("jti"))
        and _is_integer(issued_at)
        and _is_integer(expires_at)
        and issued_at >= 0
        and 0 < expires_at - issued_at < MAX_LIFETIME_SECONDS
        # We issue no `nbf`. A later version may, but a token is valid from its issue on.
        and _is_integer(claims.get("nbf", 0))
        and claims.get("nbf", 0) <= issued_at
        and isinstance(roles, list)
        and len(roles) <= MAX_ROLES
        and all(map(is_role, roles))
    )


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_integer(value: object) -> TypeGuard[int]:
    # isinstance() would accept booleans.
    return type(value) is int
