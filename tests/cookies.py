"""A browser, as far as cookies are concerned."""

from http.cookies import SimpleCookie
from typing import Any

import httpx

from tests.client import LOGIN, REGISTER

FRONTEND = "http://localhost:5173"
# What http.cookiejar calls localhost.
COOKIE_DOMAIN = "localhost.local"
FIELDS = "token refreshToken deviceToken"
REGISTERED = REGISTER.replace("token expiresAt", FIELDS)
LOGGED_IN = LOGIN.replace("token expiresAt", FIELDS)
REFRESH = f"mutation {{ refreshToken {{ {FIELDS} }} }}"
CHANGE = f"mutation ($i: ChangePasswordInput!) {{ changePassword(input: $i) {{ {FIELDS} }} }}"


class Browser:
    """Keeps cookies, and says which page asks."""

    def __init__(self, url: str, **headers: str) -> None:
        self.http = httpx.Client(timeout=30, headers=headers)
        self.url = url
        self.token = ""
        self.values: dict[str, Any] = {}

    def ask(
        self, query: str, variables: dict[str, Any] | None = None, *, origin: str = FRONTEND
    ) -> dict[str, Any]:
        headers = {"Origin": origin} if origin else {}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = {"query": query, "variables": variables or {}}
        self.response = self.http.post(self.url, json=body, headers=headers)
        answer: dict[str, Any] = self.response.json()
        return answer

    @property
    def set_cookie(self) -> SimpleCookie:
        found: SimpleCookie = SimpleCookie()
        for header in self.response.headers.get_list("set-cookie"):
            found.load(header)
        return found

    @property
    def kept(self) -> str | None:
        return self.http.cookies.get("refresh-token")
