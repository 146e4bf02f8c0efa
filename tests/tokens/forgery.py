"""Forged and malformed tokens: read from ``forgeries/*.toml``, and built from a good token.

A case has a name and the paragraph that forbids it. It changes one or more of these steps, and each
later step is done as for a good token, so that a token fails for what its name says:

- ``algorithm`` is that of the key that signs, and of the header; without it, that of the server;
- ``header`` changes the header, ``without`` takes names out of it, and ``header_text`` (in a
  ``header_encoding``) or ``header_hex`` replaces it;
- ``claims``, ``without_claims``, ``null_claims`` and ``claims_text`` (in a ``claims_encoding``)
  do so with the claims; ``length`` pads them, so that the token is the longest one, or too long;
- ``header_segment`` and ``payload_segment`` change what base64url made of both;
- ``key`` signs: ``stranger`` (another one of the kind), the name of an algorithm or of a curve,
  ``ES256 with SHA-1``, ``ES256 PEM`` (an HMAC whose secret is the public key in that form),
  ``HMAC`` and the secret in hexadecimal, or ``good token`` for the signature of that one;
- ``signature`` changes its bytes, and ``signature_segment`` what base64url made of them;
- ``token`` puts the segments together.

``for_each`` makes a case of each value. ``except`` names algorithms that a case is not for. A text
can be a list of texts and of ``{repeat = text, times = number}``; ``<…>`` is replaced. The reason
of the refusal is TOKEN_INVALID if the case says no other, unless it is ``accepted``.
"""

import json
import re
import time
import tomllib
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphql_auth.tokens.access_tokens import MAX_TOKEN_LENGTH
from tests.tokens.keys import HASHES, Key, compact, encode, new_key
from tests.tokens.signatures import SEGMENTS, SIGNATURES, decode

CASES = Path(__file__).with_name("forgeries")


@dataclass(frozen=True)
class Material:
    """What a forger has: the keys, and a good token of each algorithm.

    ``algorithm`` is the one that the server signs with; it knows all these ``keys``.
    """

    algorithm: str
    keys: Mapping[str, Key]
    good: Mapping[str, str]


@dataclass(frozen=True)
class Case:
    """One token, and what is to come of it."""

    name: str
    values: dict[str, Any]

    @property
    def is_accepted(self) -> bool:
        return bool(self.values.get("accepted"))

    @property
    def reason(self) -> str:
        return str(self.values.get("reason", "TOKEN_INVALID"))

    def is_for(self, algorithm: str) -> bool:
        return algorithm not in self.values.get("except", ())

    def build(self, material: Material) -> str:
        """Build the token for a server."""
        return _Forger(self.values, material).build()


class _Forger:
    def __init__(self, values: dict[str, Any], material: Material) -> None:
        self._case = values
        self._material = material
        self._algorithm = values.get("algorithm", material.algorithm)
        self._good = material.good[self._algorithm]
        header, payload, _ = self._good.split(".")
        self._header, self._claims = json.loads(decode(header)), json.loads(decode(payload))
        self._values = self._placeholders()

    def build(self) -> str:
        header = self._segment("header", self._header_bytes())
        payload = self._segment("payload", self._claims_bytes())
        key = self._case.get("key", self._algorithm)
        signature = self._sign(key, f"{header}.{payload}".encode())
        if change := self._case.get("signature"):
            signature = SIGNATURES[change](signature, self._material.keys[self._algorithm])
        self._values |= {
            "header": header,
            "payload": payload,
            "signature": self._segment("signature", signature),
        }
        return self._fill(self._case.get("token", "<header>.<payload>.<signature>"))

    def _segment(self, name: str, content: bytes) -> str:
        segment = encode(content)
        change = self._case.get(f"{name}_segment")
        return SEGMENTS[str(change)](segment) if change else segment

    def _header_bytes(self) -> bytes:
        if "header_hex" in self._case:
            return bytes.fromhex(self._case["header_hex"])
        if "header_text" in self._case:
            text = self._fill(self._case["header_text"])
            return text.encode(self._case.get("header_encoding", "utf-8"))
        if not self._case.keys() & {"header", "without"}:
            return decode(self._good.partition(".")[0])
        changed = self._header | self._filled(self._case.get("header", {}))
        kept = {
            name: changed[name] for name in changed if name not in self._case.get("without", ())
        }
        return compact(kept).encode()

    def _claims_bytes(self) -> bytes:
        if "claims_text" in self._case:
            text = self._fill(self._case["claims_text"])
            match self._case.get("claims_encoding", "utf-8"):
                case "deflate":
                    return zlib.compress(text.encode())
                case "utf-8 with surrogates":
                    return text.replace(r"\ud800", "\ud800").encode(errors="surrogatepass")
                case encoding:
                    return text.encode(str(encoding))
        claims = self._claims | self._filled(self._case.get("claims", {}))
        claims |= dict.fromkeys(self._case.get("null_claims", ()))
        for name in self._case.get("without_claims", ()):
            del claims[name]
        if "length" in self._case:
            claims["x"] = self._padding(claims)
        return compact(claims).encode()

    def _padding(self, claims: dict[str, Any]) -> str:
        """Return a text that makes the token the longest one, or just too long."""
        header, _, signature = self._good.split(".")
        room = MAX_TOKEN_LENGTH - len(header) - len(signature) - 2
        characters: int = room * 3 // 4 - len(compact(claims | {"x": ""}))
        return "x" * (characters + int(self._case["length"] == "too long"))

    def _sign(self, name: str, data: bytes) -> bytes:
        known, _, rest = name.partition(" ")
        key = self._material.keys.get(known)
        _, _, digest = name.partition(" with ")
        if name == "good token":
            return decode(self._good.rpartition(".")[2])
        if key and digest in HASHES:
            return key.sign(data, digest)
        if key and digest == "PSS":
            return key.sign_with_pss(data)
        return self._key(name, key, rest).sign(data)

    def _key(self, name: str, known: Key | None, rest: str) -> Key:
        if known:
            return Key(known.public(rest)) if rest else known
        if name.startswith("HMAC "):
            return Key(bytes.fromhex(rest))
        return new_key(self._algorithm, 1) if name == "stranger" else new_key(name)

    def _placeholders(self) -> dict[str, Any]:
        keys, kid = self._material.keys, self._header.get("kid", "none")
        now, members = int(time.time()), compact(self._header)[1:-1]
        used = self._case.get("key", self._algorithm).partition(" ")[0]
        found: dict[str, Any] = {
            "alg": self._header["alg"],
            "alg in lower case": self._header["alg"].lower(),
            "kid": kid,
            "kid in other case": kid.swapcase(),
            "kid of key": keys[used].kid if used in keys else "none",
            "jwk": keys[self._algorithm].jwk,
            "jwk of stranger": new_key(self._algorithm, 1).jwk,
            "members": members,
            "header with a space": "{" + members.replace(",", ", ", 1) + "}",
            "claims": compact(self._claims)[1:-1],
            "token": self._good,
            "now": now,
            "now in milliseconds": now * 1000,
            **{f"kid of {name}": keys[name].kid for name in keys},
            **self._claims,
            "sub in upper case": self._claims["sub"].upper().replace("6", "A"),
        }
        for name in ("iat", "exp"):
            others = {one: value for one, value in self._claims.items() if one != name}
            found[f"claims without {name}"] = compact(others)[1:-1]
        return found

    def _filled(self, value: Any) -> Any:
        """Replace the placeholders of a JSON value; one that is all of a text keeps its type."""
        match value:
            case {"repeat": _, "times": _}:
                return self._fill(value)
            case dict():
                return {self._fill(name): self._filled(one) for name, one in value.items()}
            case list():
                return [self._filled(one) for one in value]
            case str() if found := re.fullmatch(r"<([^<>]+)>", value):
                return self._value(found[1])
            case str():
                return self._fill(value)
            case _:
                return value

    def _fill(self, template: Any) -> str:
        match template:
            case str():
                return re.sub(r"<([^<>]+)>", lambda found: self._text(found[1]), template)
            case list():
                return "".join(map(self._fill, template))
            case _:
                return self._fill(template["repeat"]) * int(template["times"])

    def _text(self, name: str) -> str:
        value = self._value(name)
        return value if isinstance(value, str) else compact(value)

    def _value(self, name: str) -> Any:
        name, sign, number = re.fullmatch(r"(.+?)(?:([+-])(\d+))?", name).groups()  # type: ignore[union-attr]
        if sign is None:
            return self._values[name]
        return self._values[name] + int(sign + number)


def read_cases() -> list[Case]:
    """Read every case; its name begins with that of its file."""
    return [
        case
        for file in sorted(CASES.glob("*.toml"))
        for values in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
        for case in _each(file.stem, values)
    ]


def _each(file: str, values: dict[str, Any]) -> Iterator[Case]:
    """Yield the case, or one for each of its values."""
    each = values.pop("for_each", None)
    name = f"{file}: {values['name']}"
    if each is None:
        yield Case(name, values)
        return
    for number, some in enumerate(zip(*each.values(), strict=True), 1):
        told = compact(some)[1:-1]
        yield Case(f"{name} {number}: {told:.60}", values | dict(zip(each, some, strict=True)))
