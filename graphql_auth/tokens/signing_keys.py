"""The key pairs in the directory SIGNING_KEYS: other services verify with their public halves."""

import hashlib
import json
import logging
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file, write_private_file
from graphql_auth.tokens.token_keys import KeyRing, TokenKey, TokenKeys, encode_segment

# Verifiers read the published keys within this time, before one of them signs.
SECONDS_BEFORE_SIGNING = 3600.0
# Tokens of unknown keys cause no more reads than this.
SECONDS_BETWEEN_LOOKS = 1.0
MIN_RSA_BITS, MAX_RSA_BITS = 3072, 4096
RSA_EXPONENT = 65537
# RFC 7638 section 3.2, RFC 8037 section 2.
THUMBPRINT_MEMBERS = {"crv", "e", "kty", "n", "x", "y"}

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair, its file, and since when it is published, in seconds since 1970."""

    key: TokenKey
    path: Path
    published_at: float

    @property
    def signs_from(self) -> float:
        """When the key can sign, although there are others."""
        return self.published_at + SECONDS_BEFORE_SIGNING


class SigningKeys(KeyRing):
    """The key pairs in a directory, and the secrets, which verify too.

    Of the key pairs that have been published for an hour, the newest signs; if there is none, the
    oldest of all. While there is no key pair, the first secret signs.

    Raises StartError when a file cannot be used, or other users can read it.
    """

    def __init__(self, directory: Path, secrets: Sequence[TokenKey] = ()) -> None:
        self._directory = directory
        self._secrets = secrets
        self._parsed: dict[tuple[Path, int, int], TokenKey] = {}
        self._problem = ""
        self._read_at = time.monotonic()
        self.found = self._read()
        super().__init__(self._choose())

    def reload(self) -> None:
        """Read the directory again, unless that was less than a second ago."""
        if time.monotonic() - self._read_at < SECONDS_BETWEEN_LOOKS:
            return
        self._read_at, problem = time.monotonic(), ""
        try:
            self.found = self._read()
        except StartError as error:
            # For instance a file that is being copied, or a directory that is away.
            problem = str(error)
        if problem and problem != self._problem:
            logger.error("the signing keys stay as they were: %s", problem)
        self._problem, chosen = problem, self._choose()
        if chosen.all != self.current.all:
            self.current = chosen

    def _choose(self) -> TokenKeys:
        published = [found for found in self.found if found.signs_from <= time.time()]
        signing = published[-1:] or self.found[:1]
        return TokenKeys([found.key for found in [*signing, *self.found]] + [*self._secrets])

    def _read(self) -> list[SigningKey]:
        """Return the keys in the directory, the oldest first."""
        found = []
        try:
            for path in [path for path in self._directory.iterdir() if path.suffix == ".pem"]:
                # One can be retired at this moment.
                with suppress(FileNotFoundError):
                    found.append(self._read_key(path))
        except OSError as error:
            raise StartError(
                f"SIGNING_KEYS: {self._directory} cannot be read ({error.strerror})."
                " This makes it, with a key: graphql-auth keys new"
            ) from None
        return sorted(found, key=lambda one: (one.published_at, one.path))

    def _read_key(self, path: Path) -> SigningKey:
        status = path.stat()
        if status.st_mode & stat.S_IRWXO:
            raise StartError(f"{path} can be read by other users; run: chmod o= {path}")
        version = path, status.st_mtime_ns, status.st_ino
        if version not in self._parsed:
            self._parsed[version] = load_key(path)
        return SigningKey(self._parsed[version], path, status.st_mtime)


def load_key(path: Path) -> TokenKey:
    """Return the key pair in a PEM file; raises StartError, and OSError if it cannot be read."""
    try:
        return to_token_key(load_pem_private_key(read_file(path), None))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StartError(
            f"SIGNING_KEYS: {path} is not a PEM file, without a password, with a private key:"
            f" EC on P-256, Ed25519, or RSA of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits."
        ) from None


def to_token_key(private: object) -> TokenKey:
    """Return a private key with its algorithm; raises ValueError for other kinds of keys."""
    match private:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            algorithm = "ES256"
        case ed25519.Ed25519PrivateKey():
            algorithm = "EdDSA"
        case rsa.RSAPrivateKey(key_size=size) if MIN_RSA_BITS <= size <= MAX_RSA_BITS:
            algorithm = "RS256"
        case _:
            raise ValueError("another kind of key")
    public = private.public_key()
    jwk: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    members = {name: jwk[name] for name in sorted(THUMBPRINT_MEMBERS & jwk.keys())}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    kid = encode_segment(thumbprint)
    shown = members | {"kid": kid, "use": "sig", "alg": algorithm}
    return TokenKey(algorithm, private, public, kid, shown)


def create_key(directory: Path, algorithm: str) -> TokenKey:
    """Write a new key pair to a file of the directory, which is made if it is missing."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = GENERATORS[algorithm]()
    key = to_token_key(private)
    if f"{key.kid}".startswith("-"):
        # It would look like an option of `keys retire`.
        return create_key(directory, algorithm)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private_file(directory / f"{key.kid}.pem", pem)
    return key


GENERATORS: dict[str, Any] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(RSA_EXPONENT, MIN_RSA_BITS),
}
