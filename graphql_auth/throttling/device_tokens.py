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
MAC_BYTES = 32
# 48 bytes make 64 characters, with no padding and no spare bits: a token has one form only.
_FORM = re.compile(r"[A-Za-z0-9_-]{64}")


class DeviceTokens:
    """Issues and verifies device tokens. They are bound to the user and to the password.

    A token is a random id and a MAC of it; whoever steals one has its own budget of guesses, and
    nothing more. ``key`` is the one of the access tokens, of which another is derived.
    """

    def __init__(self, key: str) -> None:
        self._key = hmac.digest(key.encode(), PURPOSE, hashlib.sha256)

    def issue(self, user: UserDocument, known_as: str | None = None) -> str:
        """Return a token for a device that signs in, under the id that it has, or a new one."""
        device_id = bytes.fromhex(known_as) if known_as else secrets.token_bytes(ID_BYTES)
        return urlsafe_b64encode(device_id + self._mac(user, device_id)).decode()

    def device_id(self, token: str | None, user: UserDocument | None) -> str | None:
        """Return the id of a device that signed in with the user's present password before."""
        if user is None or token is None or _FORM.fullmatch(token) is None:
            return None
        data = urlsafe_b64decode(token)
        device_id, mac = data[:ID_BYTES], data[ID_BYTES:]
        return device_id.hex() if hmac.compare_digest(mac, self._mac(user, device_id)) else None

    def find_id(self, tokens: Iterable[str | None], user: UserDocument | None) -> str | None:
        """Return the first id that one of the tokens proves."""
        return next(filter(None, (self.device_id(token, user) for token in tokens)), None)

    def _mac(self, user: UserDocument, device_id: bytes) -> bytes:
        bound = f"{user.id} {user.password_changes} ".encode() + device_id
        return hmac.digest(self._key, bound, hashlib.sha256)
