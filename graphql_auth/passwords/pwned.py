"""Passwords that were in a data breach, asked of a service that never learns the password."""

import asyncio
import hashlib
import logging

import httpx

logger = logging.getLogger(__name__)

HAVE_I_BEEN_PWNED = "https://api.pwnedpasswords.com"
SECONDS_TO_ANSWER = 1.5
PREFIX = 5


class PwnedPasswordsClient:
    """Asks the range API of Have I Been Pwned, or a mirror of it.

    Of the SHA-1 of a password five hexadecimal digits are sent (k-anonymity), and the answer is
    padded, so that its size tells nothing either:
    https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange
    """

    def __init__(self, address: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=address,
            headers={"Add-Padding": "true", "User-Agent": "graphql-auth"},
            timeout=SECONDS_TO_ANSWER,
        )

    async def is_pwned(self, password: str) -> bool:
        """Whether the password was in a breach; False when the service does not answer in time."""
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            async with asyncio.timeout(SECONDS_TO_ANSWER):
                suffixes = await self._suffixes(digest[:PREFIX])
        except (httpx.HTTPError, TimeoutError) as error:
            logger.warning("Have I Been Pwned lookup failed: %s", type(error).__name__)
            return False
        # A padded entry has a count of zero.
        return suffixes.get(digest[PREFIX:], "0") != "0"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _suffixes(self, prefix: str) -> dict[str, str]:
        response = await self._client.get(f"/range/{prefix}")
        response.raise_for_status()
        lines = response.text.splitlines()
        return dict(line.strip().upper().split(":", 1) for line in lines if ":" in line)
