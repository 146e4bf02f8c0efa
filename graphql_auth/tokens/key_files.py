"""The private keys in the directory SIGNING_KEYS. They need the extra graphql-auth[keys]."""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql_auth.errors import StartError
from graphql_auth.runtime.files import read_file, write_private_file
from graphql_auth.tokens.key_ring import (
    KeyFile,
    SigningKey,
    decode_segment,
    encode_json,
    encode_segment,
    merge,
)

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )
    from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
except ImportError:
    raise StartError(
        "SIGNING_KEYS needs the package cryptography, of the extra keys: pip install '.[keys]'"
    ) from None

# Longer ones would make tokens longer than MAX_TOKEN_LENGTH.
RSA_BITS = range(3072, 4097)
KINDS = "one private key in PEM, not encrypted: EC on P-256, Ed25519, or RSA of 3072 to 4096 bits"
# RFC 7638 section 3.2, RFC 8037 section 2.
THUMBPRINT_MEMBERS = {"crv", "e", "kty", "n", "x", "y"}
# The order of P-256. With a signature (r, s), (r, -s) is valid too.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GENERATORS: dict[str, Any] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(65537, 3072),
}


class LowSAlgorithm(ECAlgorithm):
    """ES256 with the lower of the two values of s, so that a token has one form."""

    def sign(self, msg: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
        signature = super().sign(msg, key)
        s = int.from_bytes(signature[32:])
        return signature[:32] + min(s, P256_ORDER - s).to_bytes(32)

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        return int.from_bytes(sig[32:]) <= P256_ORDER // 2 and super().verify(msg, key, sig)


def read_files(
    directory: Path, known: Mapping[bytes, SigningKey]
) -> tuple[list[KeyFile], dict[Path, str]]:
    """Read ``*.pem``, the oldest first; return also what is wrong with the others.

    ``known`` contents are not parsed again. Raises StartError when the directory cannot be used.
    """
    owner, files, problems = _check_directory(directory), list[KeyFile](), dict[Path, str]()
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix == ".pem")
    except OSError as error:
        raise _unreadable(directory, error) from None
    for path in paths:
        try:
            files += _read_file(path, owner, known)
        except StartError as error:
            problems[path] = str(error)
    return merge(files), problems


def _check_directory(directory: Path) -> int:
    """Return the id of its owner; raises StartError."""
    try:
        status = directory.stat()
    except OSError as error:
        raise _unreadable(directory, error) from None
    # Kubernetes makes it with the sticky bit: then only the owner of a file replaces it.
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise StartError(f"SIGNING_KEYS: others can write to it; run: chmod 700 {directory}.")
    return status.st_uid


def _unreadable(directory: Path, error: OSError) -> StartError:
    return StartError(
        f"SIGNING_KEYS: cannot read {directory} ({error.strerror}). Create it and a key by:"
        " graphql-auth keys new."
    )


def _read_file(path: Path, owner: int, known: Mapping[bytes, SigningKey]) -> list[KeyFile]:
    """Return the key of a file; none if another process has retired it at this moment."""
    try:
        status = path.stat()
        # As PostgreSQL has it: the group may read a file of root, as Kubernetes makes them.
        forbidden = 0o037 if status.st_uid == 0 != os.geteuid() else 0o077
        if status.st_uid not in {0, owner, os.geteuid()} or status.st_mode & forbidden:
            raise StartError(
                f"SIGNING_KEYS: others own or can read {path}; run: chmod 600 {path},"
                " as the user of the server."
            )
        # Not a FIFO, for which the event loop would wait.
        content = read_file(path) if stat.S_ISREG(status.st_mode) else b""
        key = known.get(content) or _parse(content)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not os.path.lexists(path):
            return []
        raise StartError(f"SIGNING_KEYS: cannot read {path} ({error.strerror}).") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StartError(f"SIGNING_KEYS: {path} is not {KINDS}. Remove it.") from None
    return [KeyFile((path,), status.st_mtime, content, key)]


def _parse(pem: bytes) -> SigningKey:
    if len(re.findall(b"BEGIN [A-Z ]*PRIVATE KEY", pem)) > 1:
        raise ValueError("several keys, of which one would be used")
    return to_signing_key(load_pem_private_key(pem, None))


def to_signing_key(private: Any) -> SigningKey:
    """Return a private key with its algorithm; raises ValueError for other kinds of keys."""
    algorithm: Any
    match private:
        case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            name, algorithm = "ES256", LowSAlgorithm(ECAlgorithm.SHA256, ec.SECP256R1)
        case ed25519.Ed25519PrivateKey():
            name, algorithm = "EdDSA", OKPAlgorithm()
        case rsa.RSAPrivateKey() if private.key_size in RSA_BITS:
            name, algorithm = "RS256", RSAAlgorithm(RSAAlgorithm.SHA256)
        case _:
            raise ValueError("another kind of key")
    public = private.public_key()
    jwk = algorithm.to_jwk(public, as_dict=True)
    members = {member: jwk[member] for member in sorted(THUMBPRINT_MEMBERS & jwk.keys())}
    kid = encode_segment(hashlib.sha256(decode_segment(encode_json(members))).digest())
    header = encode_json({"alg": name, "kid": kid, "typ": "at+jwt"})
    shown = {**members, "kid": kid, "use": "sig", "alg": name}
    return SigningKey(header, algorithm, private, public, shown)


def create_key(directory: Path, algorithm: str) -> SigningKey:
    """Write a new key to a file of the directory, which is made if it is missing."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_directory(directory)
    generated = iter(lambda: to_signing_key(GENERATORS[algorithm]()), None)
    # With "-" in front, the id would look like an option of `keys retire`.
    key = next(key for key in generated if not key.jwk["kid"].startswith("-"))
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_private_file(directory / f"{key.jwk['kid']}.pem", pem)
    return key
