"""Access tokens: JSON Web Tokens in the profile of RFC 9068, signed with HMAC-SHA-256.

PyJWT checks the signature, the issuer and the audience. What it lets pass and RFC 7519, RFC 8725
or RFC 9068 do not is refused here.
"""

import json
import re
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt

from graphql_auth.errors import StartError, TokenReason, Unauthenticated

ALGORITHM = "HS256"
TYPE = "at+jwt"
ISSUER = "graphql-auth"
AUDIENCE = "graphql-auth"
LONGEST_TOKEN = 2048
# Some 1 kB each. Bad ones are not remembered, so that nobody can fill the place with them.
TOKENS_REMEMBERED = 4096
# How far the clocks of two members of one database may lie apart.
CLOCK_SKEW_SECONDS = 60
# No setting allows a token to live so long; a time in milliseconds looks like it.
ABSURD_LIFETIME_SECONDS = 366 * 24 * 3600

# Three segments of base64url without padding (RFC 7515 section 7.1). The last character of a
# signature of 32 bytes has two spare bits; only zeros there are ours, else a token has four forms.
_COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]", re.ASCII)
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{22}")
_REQUIRED = ["iss", "aud", "sub", "sid", "iat", "exp", "jti"]


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and the moment at which it stops working."""

    value: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a good access token speaks for, and in which session; both are ids."""

    subject: str
    session_id: str


@dataclass(frozen=True, slots=True)
class _Claims:
    """What a token says, apart from which token it is; times in seconds since 1970."""

    principal: Principal
    issued_at: int
    expires_at: int


class AccessTokens:
    """Issues and verifies the access tokens of one key.

    ``key`` has at least 32 bytes (RFC 7518 section 3.2). ``now`` returns seconds since 1970, by a
    clock that all servers with this key share.

    Raises StartError when PyJWT takes the key for one of a pair, a public key for example.
    """

    def __init__(self, key: str, lifetime: timedelta, now: Callable[[], float]) -> None:
        self._key = key
        self._lifetime = int(lifetime.total_seconds())
        self._now = now
        # What a good token says never changes; only the time has to be looked at again.
        self._remembered = lru_cache(TOKENS_REMEMBERED)(self._verified)
        try:
            jwt.encode({}, key, ALGORITHM)
        except jwt.InvalidKeyError:
            raise StartError(
                "TOKEN_KEY is wrong: it takes a secret, and this looks like a key of a pair."
            ) from None

    def expiry(self) -> datetime:
        """Return when a token that is issued now expires."""
        return datetime.fromtimestamp(int(self._now()) + self._lifetime, UTC)

    def issue(self, subject: str, session_id: str, expires_at: datetime) -> AccessToken:
        """Return a new token for the user and the session with these ids.

        The claim ``sid`` is that of OpenID Connect Front-Channel Logout 1.0 section 3.
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
        value = jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TYPE})
        return AccessToken(value, datetime.fromtimestamp(claims["exp"], UTC))

    def verify(self, token: str) -> Principal:
        """Return whom the token speaks for.

        Raises Unauthenticated with TOKEN_EXPIRED when nothing but its time is wrong, and with
        TOKEN_INVALID otherwise.
        """
        claims = self._remembered(token)
        now = self._now()
        if claims.issued_at > now + CLOCK_SKEW_SECONDS:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        if claims.expires_at <= now:
            raise Unauthenticated(TokenReason.TOKEN_EXPIRED)
        return claims.principal

    def _verified(self, token: str) -> "_Claims":
        claims = self._signed_claims(token)
        if not _well_formed(claims):
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        principal = Principal(claims["sub"], claims["sid"])
        return _Claims(principal, claims["iat"], claims["exp"])

    def _signed_claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN or _COMPACT.fullmatch(token) is None:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        try:
            jwt.decode(
                token,
                self._key,
                [ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # The times are checked here, by a clock that is handed in.
                options={
                    "require": _REQUIRED,
                    "verify_exp": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
            header, claims, _signature = token.split(".")
            if _object(header) != {"alg": ALGORITHM, "typ": TYPE}:
                raise Unauthenticated(TokenReason.TOKEN_INVALID)
            return _object(claims)
        except (jwt.PyJWTError, ValueError, RecursionError, OverflowError, TypeError):
            raise Unauthenticated(TokenReason.TOKEN_INVALID) from None


def _object(segment: str) -> dict[str, Any]:
    """Decode a segment, in which no name may stand twice (RFC 8725 section 2.6)."""
    padded = segment + "=" * (-len(segment) % 4)
    return json.loads(urlsafe_b64decode(padded), object_pairs_hook=_without_duplicates)  # type: ignore[no-any-return]


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _well_formed(claims: dict[str, Any]) -> bool:
    """Whether the claims are of the types and sizes in which we issue them."""
    subject, session_id, token_id = claims["sub"], claims["sid"], claims["jti"]
    issued_at, expires_at = claims["iat"], claims["exp"]
    return (
        isinstance(subject, str)
        and _OBJECT_ID.fullmatch(subject) is not None
        and isinstance(session_id, str)
        and _OBJECT_ID.fullmatch(session_id) is not None
        and isinstance(token_id, str)
        and _TOKEN_ID.fullmatch(token_id) is not None
        # bool is a kind of int in Python, and neither is a float a time that we issue.
        and type(issued_at) is int
        and type(expires_at) is int
        and issued_at >= 0
        and 0 < expires_at - issued_at < ABSURD_LIFETIME_SECONDS
    )
