"""What is made of a good signature, and of a good segment."""

import string
from base64 import urlsafe_b64decode
from collections.abc import Callable
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.tokens.keys import Key, L, N, P

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
FULL_WIDTH = {ord(letter): ord(letter) + 0xFEE0 for letter in string.ascii_letters + string.digits}

Numbers = Callable[[int, int], tuple[int, int]]


def _ecdsa(change: Numbers) -> Callable[[bytes, Key], bytes]:
    """Change r and s of a signature on P-256."""

    def changed(signature: bytes, _: Key) -> bytes:
        numbers = change(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        return b"".join(number.to_bytes(32 if number < 2**256 else 33) for number in numbers)

    return changed


def _rsa(change: Callable[[int, int], int]) -> Callable[[bytes, Key], bytes]:
    """Change the number that an RSA signature is; the other one is the modulus."""

    def changed(signature: bytes, key: Key) -> bytes:
        number = change(int.from_bytes(signature), key.modulus)
        return number.to_bytes(max(len(signature), (number.bit_length() + 7) // 8))

    return changed


def _eddsa(change: Callable[[bytes, int], tuple[bytes, int]]) -> Callable[[bytes, Key], bytes]:
    """Change R and S of a signature of Ed25519."""

    def changed(signature: bytes, _: Key) -> bytes:
        point, number = change(signature[:32], int.from_bytes(signature[32:], "little"))
        return point + number.to_bytes(32, "little")

    return changed


SIGNATURES: dict[str, Callable[[bytes, Key], bytes]] = {
    "none": lambda *_: b"",
    "zeros": lambda signature, _: bytes(len(signature)),
    "ones": lambda signature, _: b"\xff" * len(signature),
    "without the last byte": lambda signature, _: signature[:-1],
    "without the first byte": lambda signature, _: signature[1:],
    "first half": lambda signature, _: signature[: len(signature) // 2],
    "a zero in front": lambda signature, _: b"\0" + signature,
    "a zero behind": lambda signature, _: signature + b"\0",
    "twice": lambda signature, _: signature * 2,
    "backwards": lambda signature, _: signature[::-1],
    "first bit flipped": lambda signature, _: bytes([signature[0] ^ 0x80]) + signature[1:],
    "last bit flipped": lambda signature, _: signature[:-1] + bytes([signature[-1] ^ 1]),
    "hexadecimal": lambda signature, _: signature.hex().encode(),
    "DER": lambda signature, _: encode_dss_signature(
        int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    ),
    "high s": _ecdsa(lambda r, s: (r, N - s)),
    "r = 0": _ecdsa(lambda _, s: (0, s)),
    "s = 0": _ecdsa(lambda r, _: (r, 0)),
    "r = s = 0": _ecdsa(lambda *_: (0, 0)),
    "r = s = 1": _ecdsa(lambda *_: (1, 1)),
    "r = n": _ecdsa(lambda _, s: (N, s)),
    "s = n": _ecdsa(lambda r, _: (r, N)),
    "r = s = n": _ecdsa(lambda *_: (N, N)),
    "r = p": _ecdsa(lambda _, s: (P, s)),
    "s + n": _ecdsa(lambda r, s: (r, s + N)),
    "s and r": _ecdsa(lambda r, s: (s, r)),
    "little endian": lambda signature, _: signature[31::-1] + signature[:31:-1],
    "padded numbers": lambda signature, _: b"\0" + signature[:32] + b"\0" + signature[32:],
    "S + L": _eddsa(lambda point, number: (point, number + L)),
    "R is the identity, S = 0": _eddsa(lambda *_: (b"\1" + bytes(31), 0)),
    "R = 0, S = 0": _eddsa(lambda *_: (bytes(32), 0)),
    "s = 1 of RSA": _rsa(lambda *_: 1),
    "s = n - 1 of RSA": _rsa(lambda _, n: n - 1),
    "n - s of RSA": _rsa(lambda s, n: n - s),
    "s + n of RSA": _rsa(lambda s, n: s + n),
    "s = n of RSA": _rsa(lambda _, n: n),
}

SEGMENTS: dict[str, Callable[[str], str]] = {
    "padded": lambda text: text + "=" * (-len(text) % 4 or 4),
    "one character too many": lambda text: text + "A" * ((1 - len(text)) % 4 or 4),
    "a line break inside": lambda text: f"{text[:8]}\n{text[8:]}",
    "a space inside": lambda text: f"{text[:8]} {text[8:]}",
    "a dot inside": lambda text: f"{text[:8]}.{text[8:]}",
    "standard alphabet": lambda text: text.replace("-", "+").replace("_", "/"),
    "percent-encoded": lambda text: f"%{ord(text[0]):02X}" + quote(text[1:]),
    "full-width": lambda text: text.translate(FULL_WIDTH),
    "another case": str.swapcase,
    "decoded": lambda text: decode(text).decode(),
    "spare bits": lambda text: text[:-1] + ALPHABET[ALPHABET.index(text[-1]) + 1],
}


def decode(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
