"""Have I Been Pwned: whether a password was in a data breach."""

import asyncio
import hashlib
import logging
from typing import Self

import httpx

logger = logging.getLogger(__name__)

HAVE_I_BEEN_PWNED = "https://api.pwnedpasswords.com"
TIMEOUT_SECONDS = 1.5
PREFIX_LENGTH = 5


class PwnedPasswordsClient:
    """Client of the range API of Have I Been Pwned, or of a mirror.

    It sends five hexadecimal digits of the SHA-1 of a password (k-anonymity). The response is
    padded, so that its size does not tell the digits:
    https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange

    Use it as a context manager, which opens and closes the connections.
    """

    _client: httpx.AsyncClient

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(
            base_url=self._url,
            headers={"Add-Padding": "true", "User-Agent": "graphql-auth"},
            timeout=TIMEOUT_SECONDS,
        )
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
