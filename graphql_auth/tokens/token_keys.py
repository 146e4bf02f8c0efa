"""The keys that sign access tokens, each for one algorithm (RFC 8725 section 3.1)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jwt
from jwt.algorithms import Algorithm

from graphql_auth.errors import StartError

TYPE = "at+jwt"
# The order of P-256. With a signature (r, s), (r, -s) is valid too.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_BYTES = 32
SECONDS_BETWEEN_READS = 60.0


@dataclass(frozen=True, eq=False)
class TokenKey:
    """A key with its only algorithm and the header of its tokens.

    ``kid`` is None for a shared secret. ``jwk`` has the public members of a key pair (RFC 7517).
    """

    algorithm: str
    private: Any = field(repr=False)
    public: Any = field(repr=False)
    kid: str | None = None
    jwk: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def header(self) -> str:
        """The first segment of each token of this key, which no token may differ from."""
        headers = {"typ": TYPE} | ({"kid": self.kid} if self.kid else {})
        return jwt.encode({}, self.private, self.algorithm, headers).partition(".")[0]

    def sign(self, payload: bytes) -> str:
        """Return a token with this payload, in compact form (RFC 7515 section 3.1)."""
        signed = f"{self.header}.{encode_segment(payload)}"
        signature = self._algorithm.sign(signed.encode(), self.private)
        if self.algorithm == "ES256" and not _has_low_s(signature):
            s = P256_ORDER - int.from_bytes(signature[P256_BYTES:])
            signature = signature[:P256_BYTES] + s.to_bytes(P256_BYTES)
        return f"{signed}.{encode_segment(signature)}"

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether this key made a signature; of the two forms of ES256, only that with a low s."""
        if self.algorithm == "ES256" and not _has_low_s(signature):
            return False
        return self._algorithm.verify(signed, self.public, signature)

    @cached_property
    def _algorithm(self) -> Algorithm:
        return jwt.get_algorithm_by_name(self.algorithm)


class TokenKeys:
    """The keys that verify, of which the first signs, if there is one."""

    def __init__(self, keys: Iterable[TokenKey]) -> None:
        self.all = tuple(dict.fromkeys(keys))
        self._by_header: dict[str, list[TokenKey]] = {}
        for key in self.all:
            self._by_header.setdefault(key.header, []).append(key)

    @property
    def signing(self) -> TokenKey:
        """The key that signs; raises IndexError if there is none."""
        return self.all[0]

    def find(self, header: str) -> list[TokenKey]:
        """Return the keys whose tokens have this first segment; all secrets have the same."""
        return self._by_header.get(header, [])


class KeyRing:
    """The present keys, which stay the same. SigningKeys reads them from a directory."""

    def __init__(self, keys: TokenKeys) -> None:
        self.current = keys

    def reload(self) -> None:
        """Look for new keys."""

    async def poll(self) -> None:
        """Look for new keys, as a background job."""
        self.reload()


def secret_key(secret: str, setting: str = "TOKEN_KEY") -> TokenKey:
    """Return the key of a secret of at least 32 bytes, for HS256 (RFC 7518 section 3.2).

    Raises StartError when PyJWT takes the secret for an asymmetric key.
    """
    try:
        prepared = jwt.get_algorithm_by_name("HS256").prepare_key(secret)
    except jwt.InvalidKeyError:
        raise StartError(
            f"Invalid {setting}: expected a secret, found a public or private key."
        ) from None
    return TokenKey("HS256", prepared, prepared)


def encode_segment(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_segment(text: str) -> bytes:
    """Decode base64url without padding; raises ValueError for an impossible length."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _has_low_s(signature: bytes) -> bool:
    return int.from_bytes(signature[P256_BYTES:]) <= P256_ORDER // 2
