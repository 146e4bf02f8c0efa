"""HTTP/1.1 as far as the benchmarks need it."""

import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass

HOST = "127.0.0.1"
SECONDS_TO_ANSWER = 60


class WrongAnswer(Exception):
    """A server does not do what is measured."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a server on loopback, and what the body of a correct answer contains."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str = ""
    expected: str = ""

    def encode(self) -> str:
        headers = {"Host": HOST, **self.headers, "Content-Length": len(self.body.encode())}
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", self.body])


class Client:
    """One keep-alive connection; it raises OSError or HTTPException."""

    def __init__(self, port: int) -> None:
        connection = http.client.HTTPConnection(HOST, port, SECONDS_TO_ANSWER)
        self._connection, self.close = connection, connection.close

    def send(self, request: Request) -> tuple[bool, int, str]:
        """Return whether the answer is correct, its status and its body."""
        body, headers = request.body.encode(), dict(request.headers)
        self._connection.request(request.method, request.path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        is_error = response.status // 100 != 2 or '"errors"' in text  # noqa: PLR2004 - 2xx
        return not is_error and request.expected in text, response.status, text

    def text(self, request: Request) -> str:
        """Return the body of a correct answer; raises WrongAnswer for any other."""
        is_correct, status, text = self.send(request)
        if not is_correct:
            raise WrongAnswer(f"{request.path} answered {status} {text[:300]}")
        return text


def field_in(text: str, name: str) -> str:
    """Return a string field of a JSON object, at any depth."""
    found = re.search(rf'"{name}"\s*:\s*"([^"]+)"', text)
    if found is None:
        raise WrongAnswer(f"there is no {name} in {text[:300]}")
    return found[1]
