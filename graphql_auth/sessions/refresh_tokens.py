"""Refresh tokens: opaque to clients, and of no use to whoever reads the database."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace

from graphql_auth.errors import TokenReason, Unauthenticated
from graphql_auth.sessions.repository import RefreshTokenDigests

ID_BYTES = 12
FAMILY_BYTES = 16
SECRET_BYTES = 32
# 72 bytes make 96 characters, with no padding and no spare bits: a token has one form only.
_FORM = re.compile(r"[A-Za-z0-9_-]{96}")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token of a session, whose ``secret`` is new with each rotation.

    The ``family`` stays, and tells a token of this session that was replaced long ago from one
    that somebody made up. Both are random, 128 and 256 bits, and only their digests are stored.
    """

    user_id: str
    session_id: str
    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def first(cls, user_id: str, session_id: str) -> "RefreshToken":
        """Begin the chain of a session."""
        return cls(
            user_id,
            session_id,
            secrets.token_bytes(FAMILY_BYTES),
            secrets.token_bytes(SECRET_BYTES),
        )

    @classmethod
    def parse(cls, text: str) -> "RefreshToken":
        """Read what :meth:`encode` wrote; raises Unauthenticated with TOKEN_INVALID."""
        if _FORM.fullmatch(text) is None:
            raise Unauthenticated(TokenReason.TOKEN_INVALID)
        data = urlsafe_b64decode(text)
        user, session, family, secret = (
            data[:ID_BYTES],
            data[ID_BYTES : 2 * ID_BYTES],
            data[2 * ID_BYTES : -SECRET_BYTES],
            data[-SECRET_BYTES:],
        )
        return cls(user.hex(), session.hex(), family, secret)

    @classmethod
    def read(cls, text: str | None) -> "RefreshToken | None":
        """Read what :meth:`encode` wrote; None for any other text."""
        try:
            return cls.parse(text or "")
        except Unauthenticated:
            return None

    def encode(self) -> str:
        """Return what the client keeps."""
        data = bytes.fromhex(self.user_id + self.session_id) + self.family + self.secret
        return urlsafe_b64encode(data).decode()

    def successor(self, salt: bytes) -> "RefreshToken":
        """Return the next token of the chain.

        The salt, random and stored, makes it one that nobody can tell from this token alone; this
        token makes it one that nobody can tell from the database alone. Whoever presents this one
        again, while the salt is stored, gets the same.
        """
        return replace(self, secret=hmac.digest(self.secret, salt, "sha256"))

    @property
    def digests(self) -> RefreshTokenDigests:
        """What the database stores of it."""
        return RefreshTokenDigests(
            self.user_id, self.session_id, family=digest(self.family), digest=digest(self.secret)
        )


def digest(secret: bytes) -> bytes:
    """Return what is stored of a random secret: SHA-256, for there is nothing to be guessed."""
    return hashlib.sha256(secret).digest()
