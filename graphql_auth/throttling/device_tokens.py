"""Device tokens: proof that a device signed in before.

They are OWASP's device cookies:
https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable

from graphql_auth.users.document import UserDocument

PURPOSE = b"graphql-auth device token"
ID_BYTES = 16
# 48 bytes are 64 characters without padding or spare bits, so a token has one spelling.
_FORM = re.compile(r"[A-Za-z0-9_-]{64}")


class DeviceTokens:
    """Issues and verifies device tokens. They are bound to the user and to the password.

    A token is a random id and a MAC of it. A stolen one gives its own limit of attempts, and
    nothing else. ``token_keys`` are TOKEN_KEY and earlier ones, from which others are derived.
    """

    def __init__(self, *token_keys: str) -> None:
        self._keys = [hmac.digest(key.encode(), PURPOSE, hashlib.sha256) for key in token_keys]

    def issue(self, user: UserDocument, device_id: str | None = None) -> str:
        """Return a token for a device; without an id, the device gets a new one."""
        raw_id = bytes.fromhex(device_id) if device_id else secrets.token_bytes(ID_BYTES)
        return urlsafe_b64encode(raw_id + _mac(self._keys[0], user, raw_id)).decode()

    def verify(self, token: str | None, user: UserDocument | None) -> str | None:
        """Return the device id if the device signed in before with the user's present password."""
        if user is None or token is None or _FORM.fullmatch(token) is None:
            return None
        data = urlsafe_b64decode(token)
        raw_id, mac = data[:ID_BYTES], data[ID_BYTES:]
        macs = (_mac(key, user, raw_id) for key in self._keys)
        return raw_id.hex() if any(hmac.compare_digest(mac, one) for one in macs) else None

    def find_id(self, tokens: Iterable[str | None], user: UserDocument | None) -> str | None:
        """Return the device id of the first valid token."""
        return next(filter(None, (self.verify(token, user) for token in tokens)), None)


def _mac(key: bytes, user: UserDocument, raw_id: bytes) -> bytes:
    bound = f"{user.id} {user.password_changes} ".encode() + raw_id
    return hmac.digest(key, bound, hashlib.sha256)
