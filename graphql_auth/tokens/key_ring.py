"""The keys of the access tokens: secrets, and the files of SIGNING_KEYS."""

import json
import logging
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from jwt.algorithms import Algorithm, HMACAlgorithm
from jwt.exceptions import InvalidKeyError

from graphql_auth.errors import StartError

# A new key is published for this long before it signs, so that all verifiers have it.
SECONDS_BEFORE_SIGNING = 3600
SECONDS_BETWEEN_READS = 60.0
# A token of an unknown key has the directory read at once, but not more often than this.
MIN_SECONDS_BETWEEN_READS = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A key, its one algorithm (RFC 8725 section 3.1) and its public members (RFC 7517).

    ``header`` is the first segment of its tokens, byte for byte. A secret has no members.
    """

    header: str
    algorithm: Algorithm
    private: Any
    public: Any
    jwk: Mapping[str, str]

    def sign(self, claims: Mapping[str, Any]) -> str:
        signed = f"{self.header}.{encode_json(claims)}"
        return f"{signed}.{encode_segment(self.algorithm.sign(signed.encode(), self.private))}"

    def has_signed(self, token: str) -> bool:
        """Whether this key signed a token; raises ValueError if it is not base64url."""
        signed, _, text = token.rpartition(".")
        signature = decode_segment(text)
        # The last character can have spare bits. With others than zero, a token has more spellings.
        is_canonical = encode_segment(signature) == text
        return is_canonical and self.algorithm.verify(signed.encode(), self.public, signature)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key pair, and the files that have it; ``modified_at`` is that of the oldest."""

    paths: tuple[Path, ...]
    modified_at: float
    content: bytes = field(repr=False)
    key: SigningKey = field(repr=False)


class KeyRing:
    """The keys that verify tokens, and the one that signs: without files, the first secret.

    Raises StartError when the directory cannot be used.
    """

    def __init__(self, secrets: Iterable[SigningKey], directory: Path | None = None) -> None:
        self._secrets, self._directory = tuple(secrets), directory
        self._files: list[KeyFile] = []
        self._problem = ""
        # Called when a key is added or removed.
        self.on_change: Callable[[], object] = lambda: None
        if directory:
            self._files, problems = self._read(directory)
            if problems:
                raise StartError(next(iter(problems.values())))
            if not self._files:
                logger.warning("SIGNING_KEYS: %s has no file *.pem, so TOKEN_KEY signs", directory)
        self._arrange()

    @property
    def published(self) -> list[Mapping[str, str]]:
        return [file.key.jwk for file in self._files]

    def find(self, header: str) -> list[SigningKey]:
        """Return the keys of a header. Another process can sign with a key that is new here."""
        is_due = time.monotonic() >= self._read_again_at
        if header not in self._by_header and self._directory and is_due:
            self._read_again(self._directory)
        return self._by_header.get(header, [])

    async def poll(self) -> None:
        if self._directory:
            self._read_again(self._directory)

    def _read_again(self, directory: Path) -> None:
        """Read the directory. Keep the keys of what cannot be read, and log why, once."""
        before = self._by_header.keys()
        try:
            files, problems = self._read(directory)
            files += [file for file in self._files if problems.keys() & {*file.paths}]
            # None if a volume is not mounted. `keys retire` keeps one key.
            is_lost = self._files and not files
            problem = f"SIGNING_KEYS: {directory} has no file *.pem." if is_lost else ""
            problem = " ".join(problems.values()) or problem
            self._files = merge(files) or self._files
        except StartError as error:
            problem = str(error)
        if problem and problem != self._problem:
            logger.error("%s The keys that were read before stay in use.", problem)
        self._problem = problem
        self._arrange()
        if self._by_header.keys() != before:
            self.on_change()

    def _read(self, directory: Path) -> tuple[list[KeyFile], dict[Path, str]]:
        from graphql_auth.tokens.key_files import read_files  # noqa: PLC0415 - an extra

        return read_files(directory, {file.content: file.key for file in self._files})

    def _arrange(self) -> None:
        self._read_again_at = time.monotonic() + MIN_SECONDS_BETWEEN_READS
        self._by_header: dict[str, list[SigningKey]] = {}
        for key in (*(file.key for file in self._files), *self._secrets):
            self._by_header.setdefault(key.header, []).append(key)
        current = find_signing(self._files)
        self.signing = current.key if current else self._secrets[0]


def merge(files: Iterable[KeyFile]) -> list[KeyFile]:
    """Return one for each key, the oldest first. A copy of a key is as old as the key."""
    found: dict[str, KeyFile] = {}
    for file in sorted(files, key=attrgetter("modified_at", "paths")):
        first = found.get(file.key.header)
        paths = dict.fromkeys([*(first.paths if first else ()), *file.paths])
        found[file.key.header] = replace(first or file, paths=tuple(paths))
    return [*found.values()]


def find_signing(files: list[KeyFile]) -> KeyFile | None:
    """Return the newest file that is an hour old, otherwise the oldest one."""
    latest = time.time() - SECONDS_BEFORE_SIGNING
    for file in reversed(files):
        if file.modified_at <= latest:
            return file
    return files[0] if files else None


def secret_key(secret: str, setting: str = "TOKEN_KEY") -> SigningKey:
    """Return the key of a secret of at least 32 bytes, for HS256 (RFC 7518 section 3.2).

    Raises StartError when PyJWT takes the secret for an asymmetric key.
    """
    algorithm = HMACAlgorithm(HMACAlgorithm.SHA256)
    try:
        prepared = algorithm.prepare_key(secret)
    except InvalidKeyError:
        raise StartError(
            f"Invalid {setting}: expected a secret, found a public or private key."
        ) from None
    return SigningKey(
        encode_json({"alg": "HS256", "typ": "at+jwt"}), algorithm, prepared, prepared, {}
    )


def encode_segment(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def encode_json(content: Mapping[str, Any]) -> str:
    return encode_segment(json.dumps(content, separators=(",", ":")).encode())


def decode_segment(text: str) -> bytes:
    """Decode base64url without padding; raises ValueError for an impossible length."""
    return urlsafe_b64decode(f"{text}==")
