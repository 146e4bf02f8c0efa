"""Have I Been Pwned: whether a password was in a data breach."""

import asyncio
import hashlib
import logging
from typing import Self

import httpx

from graphql_auth.errors import StartError

logger = logging.getLogger(__name__)

HAVE_I_BEEN_PWNED = "https://api.pwnedpasswords.com"
TIMEOUT_SECONDS = 1.5
PREFIX_LENGTH = 5


class PwnedPasswordsClient:
    """Client of the range API of Have I Been Pwned, or of a mirror.

    It sends five hexadecimal digits of the SHA-1 of a password (k-anonymity). The response is
    padded, so that its size does not tell the digits:
    https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        headers = {"Add-Padding": "true", "User-Agent": "graphql-auth"}
        try:
            self._client = httpx.AsyncClient(
                base_url=self._url, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
            names, kind = "SSL_CERT_FILE, HTTPS_PROXY or ALL_PROXY", type(error).__name__
            raise StartError(f"BREACHED_PASSWORDS: {names} cannot be used ({kind}).") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def is_pwned(self, password: str) -> bool:
        """Whether the password was in a breach; False if the service does not answer in time."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        prefix, suffix = digest[:PREFIX_LENGTH], digest[PREFIX_LENGTH:]
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._client.get(f"/range/{prefix}")
            response.raise_for_status()
        except (httpx.HTTPError, TimeoutError) as error:
            logger.warning("Have I Been Pwned lookup failed: %s", type(error).__name__)
            return False
        lines = response.text.splitlines()
        counts = dict(line.strip().upper().split(":", 1) for line in lines if ":" in line)
        # Padding has a count of zero.
        return counts.get(suffix, "0") != "0"
