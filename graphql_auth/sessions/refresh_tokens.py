"""Refresh tokens. They are opaque to clients, and the database stores digests only."""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace

ID_BYTES = 12
FAMILY_BYTES = 16
SECRET_BYTES = 32
# 72 bytes are 96 characters without padding or spare bits, so a token has one spelling.
_FORM = re.compile(r"[A-Za-z0-9_-]{96}")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: the ids of user and session, a family and a secret.

    Each rotation replaces the secret. The family stays: it tells an old token of this session
    (replay) from a forged one. Both are random, 128 and 256 bits; only digests are stored.
    """

    user_id: str
    session_id: str
    family: bytes = field(repr=False)
    secret: bytes = field(repr=False)

    @classmethod
    def first(cls, user_id: str, session_id: str) -> "RefreshToken":
        """Start the chain of a session."""
        family, secret = secrets.token_bytes(FAMILY_BYTES), secrets.token_bytes(SECRET_BYTES)
        return cls(user_id, session_id, family, secret)

    @classmethod
    def parse(cls, text: str | None) -> "RefreshToken | None":
        """Parse the output of ``encode``; return None for any other text. Nothing is verified."""
        if text is None or _FORM.fullmatch(text) is None:
            return None
        data = urlsafe_b64decode(text)
        user, session = data[:ID_BYTES], data[ID_BYTES : 2 * ID_BYTES]
        family, secret = data[2 * ID_BYTES : -SECRET_BYTES], data[-SECRET_BYTES:]
        return cls(user.hex(), session.hex(), family, secret)

    def encode(self) -> str:
        """Return the text that the client stores."""
        data = bytes.fromhex(self.user_id + self.session_id) + self.family + self.secret
        return urlsafe_b64encode(data).decode()

    def successor(self, salt: bytes) -> "RefreshToken":
        """Return the next token: its secret is HMAC-SHA-256(secret, salt).

        Neither the stored salt nor the old token is enough to derive it. The result is
        deterministic, so concurrent refreshes and retries get the same successor.
        """
        return replace(self, secret=hmac.digest(self.secret, salt, "sha256"))

    # A slow hash would add nothing to 128 random bits.
    @property
    def family_digest(self) -> bytes:
        return hashlib.sha256(self.family).digest()

    @property
    def secret_digest(self) -> bytes:
        return hashlib.sha256(self.secret).digest()
