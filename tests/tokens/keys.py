"""Keys of each algorithm, what an attacker does with them, and the directory of a server."""

import hashlib
import hmac
import json
import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

ALGORITHMS = ("HS256", "ES256", "EdDSA", "RS256")
ASYMMETRIC = ALGORITHMS[1:]
HASHES = {
    "MD5": hashes.MD5(),
    "SHA-1": hashes.SHA1(),
    "SHA-256": hashes.SHA256(),
    "SHA-384": hashes.SHA384(),
    "SHA-512": hashes.SHA512(),
}
# The order of P-256 and the prime of its field; the order of edwards25519.
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
L = 2**252 + 27742317777372353535851937790883648493
TWO_HOURS = 7200

Private = (
    ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
    | rsa.RSAPrivateKey | bytes
)  # fmt: skip


@dataclass(frozen=True)
class Key:
    """A private key, or the bytes of a secret."""

    private: Private

    @property
    def jwk(self) -> dict[str, str]:
        """The required public members, in the order of RFC 7638; none of a secret."""
        match self.private:
            case ec.EllipticCurvePrivateKey():
                numbers = self.private.public_key().public_numbers()
                size = (self.private.key_size + 7) // 8
                x, y = (encode(value.to_bytes(size)) for value in (numbers.x, numbers.y))
                return {"crv": "P-256", "kty": "EC", "x": x, "y": y}
            case ed25519.Ed25519PrivateKey():
                raw = self.private.public_key().public_bytes_raw()
                return {"crv": "Ed25519", "kty": "OKP", "x": encode(raw)}
            case rsa.RSAPrivateKey():
                public = self.private.public_key().public_numbers()
                e, n = (
                    encode(value.to_bytes((value.bit_length() + 7) // 8))
                    for value in (public.e, public.n)
                )
                return {"e": e, "kty": "RSA", "n": n}
            case _:
                return {}

    @property
    def kid(self) -> str:
        """The thumbprint of RFC 7638."""
        return encode(hashlib.sha256(compact(self.jwk).encode()).digest())

    @property
    def pem(self) -> bytes:
        """The private key as a file has it."""
        assert not isinstance(self.private, bytes)
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, data: bytes, digest: str = "SHA-256") -> bytes:
        """Sign as a JWS does."""
        match self.private:
            case ec.EllipticCurvePrivateKey():
                r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(HASHES[digest])))
                size = (self.private.key_size + 7) // 8
                # Of the two forms of a signature on P-256, ours has the lower s.
                if isinstance(self.private.curve, ec.SECP256R1):
                    s = min(s, N - s)
                return r.to_bytes(size) + s.to_bytes(size)
            case rsa.RSAPrivateKey():
                return self.private.sign(data, padding.PKCS1v15(), HASHES[digest])
            case bytes():
                return hmac.digest(self.private, data, digest.replace("-", "").lower())
            case _:
                return self.private.sign(data)

    def sign_with_pss(self, data: bytes) -> bytes:
        """Sign as PS256 does."""
        assert isinstance(self.private, rsa.RSAPrivateKey)
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return self.private.sign(data, scheme, hashes.SHA256())

    def public(self, form: str) -> bytes:
        """What is public of the key, in a form that an attacker can take for a secret."""
        return _FORMS[form](self)

    def _encode(self, encoding: Encoding, form: PublicFormat) -> bytes:
        assert not isinstance(self.private, bytes)
        return self.private.public_key().public_bytes(encoding, form)

    @property
    def _raw(self) -> bytes:
        match self.private:
            case ec.EllipticCurvePrivateKey():
                return self._encode(Encoding.X962, PublicFormat.UncompressedPoint)
            case rsa.RSAPrivateKey():
                return self.modulus.to_bytes(self.private.key_size // 8)
            case _:
                return self._encode(Encoding.Raw, PublicFormat.Raw)

    @property
    def modulus(self) -> int:
        """The modulus of an RSA key."""
        assert isinstance(self.private, rsa.RSAPrivateKey)
        return self.private.public_key().public_numbers().n


def _pem(key: Key) -> bytes:
    return key._encode(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # noqa: SLF001


_FORMS: dict[str, Callable[[Key], bytes]] = {
    "PEM": _pem,
    "PEM without a line break": lambda key: _pem(key).rstrip(),
    "PEM with CR LF": lambda key: _pem(key).replace(b"\n", b"\r\n"),
    "DER": lambda key: key._encode(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),  # noqa: SLF001
    "PKCS #1": lambda key: key._encode(Encoding.PEM, PublicFormat.PKCS1),  # noqa: SLF001
    "JWK": lambda key: json.dumps(key.jwk | {"kid": key.kid, "use": "sig"}).encode(),
    "JWK sorted": lambda key: compact(key.jwk).encode(),
    "raw": lambda key: key._raw,  # noqa: SLF001
    "thumbprint": lambda key: key.kid.encode(),
}


@cache
def new_key(kind: str, _number: int = 0) -> Key:
    """Return a key of an algorithm or a curve, the same one for the same arguments."""
    makers: dict[str, Callable[[], Private]] = {
        "HS256": lambda: os.urandom(32),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "RS256": lambda: rsa.generate_private_key(65537, 3072),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "Ed448": ed448.Ed448PrivateKey.generate,
        "RSA 1024": lambda: rsa.generate_private_key(65537, 1024),
    }
    return Key(makers[kind]())


def write_keys(directory: Path, *keys: Key) -> Path:
    """Write a directory for SIGNING_KEYS, in which the first key signs."""
    directory.mkdir(mode=0o700)
    for number, key in enumerate(keys):
        write_key(directory, key, seconds_ago=TWO_HOURS * (1 + number))
    return directory


def write_key(directory: Path, key: Key, seconds_ago: float = 0) -> Path:
    """Write a key into the directory, as if some seconds ago."""
    file = directory / f"{key.kid}.pem"
    file.touch(mode=0o600)
    file.write_bytes(key.pem)
    set_age(file, seconds_ago)
    return file


def set_age(file: Path, seconds: float) -> None:
    """Make a file as old as if it had been written so many seconds ago."""
    modified = time.time() - seconds
    os.utime(file, (modified, modified))


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def encode(data: bytes) -> str:
    """Base64url without padding, as RFC 7515 has it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
