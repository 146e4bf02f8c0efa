"""Requests that mean no good: read from ``cases/*.toml``, and sent byte by byte.

A case has a name, the status and the code that are expected (``OK``: data and no errors; ``NONE``:
no body), for ``QUERY_TOO_COMPLEX`` the limit, and says what is sent by one of

- ``query``, with ``variables`` as JSON text beside it: a GraphQL request, sent by POST;
- ``body`` in an ``encoding``, or ``hex``: the body of a request;
- ``raw`` or ``hex_raw``: all that goes over the connection;

and else by ``method``, ``target`` and ``headers``. A text can be a list of texts and of
``{repeat = text, times = number}``, in which ``<i>`` and ``<i+1>`` count. ``<password>`` and
``<token>`` are secrets, and so is the value of ``secret``: no response may contain one.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).with_name("cases")
PASSWORD = "hunter2-correct-horse-battery-staple"
# With this media type the status shows a refusal; with application/json it is always 200.
MEDIA_TYPE = "application/graphql-response+json"


@dataclass(frozen=True)
class Case:
    """One request and what is to come of it."""

    name: str
    values: dict[str, Any]

    @property
    def expected(self) -> tuple[int, str, str | None]:
        """The status, the code and the limit."""
        return self.values["status"], self.values["code"], self.values.get("limit")

    def request(self, token: str) -> bytes:
        """All that is sent, by someone who is signed in by ``token``."""
        if "hex_raw" in self.values:
            return bytes.fromhex(self.values["hex_raw"])
        secrets = {b"<password>": PASSWORD.encode(), b"<token>": token.encode()}
        if "raw" in self.values:
            return _filled(_text(self.values["raw"]).encode("latin-1"), secrets)
        body = _filled(self._body(), secrets)
        return _filled(self._head(len(body)), secrets) + body

    def _head(self, length: int) -> bytes:
        headers = {
            "Host": "localhost",
            "Connection": "close",
            "Content-Type": "application/json",
            "Accept": MEDIA_TYPE,
            "Authorization": "Bearer <token>",
            "Content-Length": str(length),
        } | {name: _text(value) for name, value in self.values.get("headers", {}).items()}
        method = self.values.get("method", "POST")
        target = _text(self.values.get("target", "/graphql"))
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _body(self) -> bytes:
        if "hex" in self.values:
            return bytes.fromhex(self.values["hex"])
        if "query" in self.values:
            query = json.dumps(_text(self.values["query"]))
            variables = _text(self.values.get("variables", "{}"))
            return f'{{"query": {query}, "variables": {variables}}}'.encode()
        return _text(self.values.get("body", "")).encode(self.values.get("encoding", "utf-8"))


def read_cases() -> list[Case]:
    """Read every case; its name begins with that of its file."""
    return [
        Case(f"{file.stem}: {values['name']}", values)
        for file in sorted(CASES.glob("*.toml"))
        for values in tomllib.loads(file.read_text(encoding="utf-8"))["case"]
    ]


def _filled(text: bytes, secrets: dict[bytes, bytes]) -> bytes:
    for place, secret in secrets.items():
        text = text.replace(place, secret)
    return text


def _text(template: Any) -> str:
    match template:
        case str():
            return template
        case list():
            return "".join(map(_text, template))
        case _:
            repeated = _text(template["repeat"])
            return "".join(_counted(repeated, number) for number in range(template["times"]))


def _counted(text: str, number: int) -> str:
    if "<i" not in text:
        return text
    return re.sub(r"<i(?:\+(\d+))?>", lambda found: str(number + int(found[1] or 0)), text)
