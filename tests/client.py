"""A GraphQL client, as small as one can be."""

import asyncio
import json
import uuid
from typing import Any, Self

import httpx

REGISTER = """
mutation Register($input: RegisterInput!) {
  register(input: $input) { token expiresAt user { id email firstName lastName createdAt } }
}
"""
LOGIN = """
mutation Login($input: LoginInput!) {
  login(input: $input) { token expiresAt user { id email firstName lastName createdAt } }
}
"""
WELCOME = "{ welcome }"
VIEWER = "{ viewer { __typename id email firstName lastName createdAt } }"
PASSWORD = "correct horse battery staple"


def new_email() -> str:
    return f"ada.{uuid.uuid4().hex}@example.com"


def registration(**changes: Any) -> dict[str, Any]:
    return {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": new_email(),
        "password": PASSWORD,
    } | changes


def code(answer: dict[str, Any]) -> str:
    (error,) = answer["errors"]
    return str(error["extensions"]["code"])


def extensions(answer: dict[str, Any]) -> dict[str, Any]:
    (error,) = answer["errors"]
    return dict(error["extensions"])


def all_errors(answer: Any) -> list[dict[str, Any]]:
    """The errors of a response; that to a batch is a list of answers."""
    answers = answer if isinstance(answer, list) else [answer]
    return [error for one in answers for error in one.get("errors", [])]


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    return {field["field"]: field["reason"] for field in extensions(answer)["fields"]}


class Client:
    """Speaks to one server over a socket."""

    def __init__(self, url: str) -> None:
        self.url = url
        # No server speaks TLS here, and reading the certificates takes longer than most requests.
        self.http = httpx.Client(timeout=30, verify=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def ask(
        self,
        query: str,
        variables: dict[str, Any] | None = None,
        *,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        token: str | None = None,
    ) -> dict[str, Any]:
        """Send an operation and return the JSON answer."""
        given = httpx.Headers(headers)
        given["Content-Type"] = "application/json"
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        # json.dumps escapes a lone surrogate, which httpx itself could not send.
        body = json.dumps({"query": query, "variables": variables or {}})
        response = self.http.post(self.url, content=body, headers=given)
        answer: dict[str, Any] = response.json()
        return answer

    def register(self, **changes: Any) -> dict[str, Any]:
        """Register somebody new and return the answer."""
        return self.ask(REGISTER, {"input": registration(**changes)})

    def login(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """Log in and return the answer."""
        return self.ask(LOGIN, {"input": {"email": email, "password": password}})

    def token(self) -> str:
        """Register somebody new and return their token."""
        return str(self.register()["data"]["register"]["token"])


class RequestsSent:
    """Waits until so many requests of an httpx client have been sent, as ``trace`` extension."""

    def __init__(self, number: int) -> None:
        self._missing = number
        self._all_sent = asyncio.Event()

    async def trace(self, event: str, _info: dict[str, Any]) -> None:
        """Count a request whose body was sent."""
        if event == "http11.send_request_body.complete":
            self._missing -= 1
            if self._missing == 0:
                self._all_sent.set()

    async def wait(self) -> None:
        """Return when all of them have been sent."""
        async with asyncio.timeout(60):
            await self._all_sent.wait()
