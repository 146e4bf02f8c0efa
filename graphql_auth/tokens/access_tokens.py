"""Access tokens: JSON Web Tokens in the profile of RFC 9068.

The algorithms are those of PyJWT. Header and claims are checked here, because PyJWT accepts much
that RFC 7519, RFC 8725 and RFC 9068 forbid.
"""

import json
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeGuard

from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.mongo.object_id import is_object_id
from graphql_auth.roles import MAX_ROLES, is_role
from graphql_auth.tokens.key_ring import KeyRing, decode_segment

# With HS256 and without roles, a token has 317 characters. With RS256, the most and longest roles
# and claims, and the longest ISSUER and AUDIENCE, it has 5,734.
MAX_TOKEN_LENGTH = 6144
# 1 kB each, and up to 5 kB with the most roles and claims. Invalid tokens are not cached, so
# clients cannot fill the cache with them.
CACHE_SIZE = 16_384
# Limit of the clock difference between two members of one database.
CLOCK_SKEW_SECONDS = 60
# No setting allows such a lifetime; a time in milliseconds would look like one.
MAX_LIFETIME_SECONDS = 366 * 24 * 3600

# Three segments of base64url without padding (RFC 7515 section 7.1).
_COMPACT = re.compile(r"([\w-]+)\.([\w-]+)\.[\w-]+", re.ASCII)
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class AccessToken:
    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """The user and the session that an access token names, both as ids, and the user's roles."""

    subject: str
    session_id: str
    roles: tuple[str, ...] = ()


class AccessTokens:
    """Issues and verifies access tokens.

    ``now`` returns seconds since 1970, by a clock that all servers with these keys share.
    ``issuer`` and ``audience`` are the claims ``iss`` and ``aud``.
    """

    def __init__(
        self,
        ring: KeyRing,
        lifetime: timedelta,
        now: Callable[[], float],
        issuer: str = "graphql-auth",
        audience: str = "graphql-auth",
    ) -> None:
        self.ring = ring
        self._lifetime = int(lifetime.total_seconds())
        self._now = now
        self._names = {"iss": issuer, "aud": audience}
        # The claims of a valid token never change; only its times are checked each time.
        self._cached_claims = lru_cache(CACHE_SIZE)(self._decode)
        # Otherwise tokens of a key that is retired would stay valid.
        ring.on_change = self._cached_claims.cache_clear

    def expiry(self) -> datetime:
        """Return when a token that is issued now expires."""
        return datetime.fromtimestamp(int(self._now()) + self._lifetime, UTC)

    def issue(
        self,
        subject: str,
        session_id: str,
        expires_at: datetime,
        roles: Collection[str] = (),
        claims: Mapping[str, Any] | None = None,
    ) -> AccessToken:
        """Return a new token for the user and the session with these ids, with further ``claims``.

        The claim ``sid`` is that of OpenID Connect Front-Channel Logout 1.0 section 3, and
        ``roles`` that of RFC 9068 section 2.2.3.1.
        """
        payload: dict[str, Any] = {
            **(claims or {}),
            **self._names,
            "sub": subject,
            "sid": session_id,
            "iat": int(self._now()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        if roles:
            payload["roles"] = sorted(roles)
        token = self.ring.signing.sign(payload)
        return AccessToken(token, datetime.fromtimestamp(payload["exp"], UTC))

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

    def _decode(self, token: str) -> tuple[Principal, int, int]:
        """Verify everything except the times; return principal, `iat` and `exp`."""
        match = _COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN_LENGTH else None
        # The header must be one that we issue, byte for byte: no other algorithm, no further or
        # duplicate name. It only chooses the keys.
        keys = self.ring.find(match[1]) if match else ()
        try:
            if match is None or not any(key.has_signed(token) for key in keys):
                raise Unauthenticated(TokenReason.TOKEN_INVALID)
            # Bytes could be UTF-16 or UTF-32 too (RFC 8725 section 3.7).
            payload = decode_segment(match[2]).decode()
            claims = json.loads(payload, object_pairs_hook=_refuse_duplicates)
        except (ValueError, RecursionError):
            raise Unauthenticated(TokenReason.TOKEN_INVALID) from None
        if not isinstance(claims, dict) or not self._are_valid(claims):
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        principal = Principal(claims["sub"], claims["sid"], tuple(claims.get("roles", ())))
        return principal, claims["iat"], claims["exp"]

    def _are_valid(self, claims: dict[str, Any]) -> bool:
        """Whether the claims have the values, the types and the sizes that we issue."""
        issued_at, expires_at, roles = claims.get("iat"), claims.get("exp"), claims.get("roles", [])
        return (
            all(claims.get(name) == value for name, value in self._names.items())
            and is_object_id(claims.get("sub"))
            and is_object_id(claims.get("sid"))
            and isinstance(claims.get("jti"), str)
            and _TOKEN_ID.fullmatch(claims["jti"]) is not None
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


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; raises ValueError for a duplicate name (RFC 8725 section 2.6)."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate name")
    return found


def _is_integer(value: object) -> TypeGuard[int]:
    # isinstance() would accept booleans.
    return type(value) is int
