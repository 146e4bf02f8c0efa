"""HTTP, as much of it as a benchmark needs: requests as text, and one answer at a time."""

import http.client
import json
from typing import Any

from benchmarks.peers.contender import Request

HOST = "127.0.0.1"
SECONDS_TO_ANSWER = 60.0


class WrongAnswer(Exception):
    """A server did not do what it was asked to."""


def head(request: Request) -> str:
    """Render the request line and the headers; Content-Length and the empty line come after it."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return f"{request.method} {request.path} HTTP/1.1\r\nHost: {HOST}\r\n{headers}"


def rendered(request: Request) -> bytes:
    """Return what goes over the wire."""
    body = request.body.encode()
    return f"{head(request)}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Client:
    """One connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS_TO_ANSWER)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def ask(self, request: Request) -> tuple[int, str]:
        """Return the status and the body of the answer; raises OSError or HTTPException."""
        self._connection.request(
            request.method, request.path, request.body.encode(), dict(request.headers)
        )
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()

    def text(self, request: Request) -> str:
        """Return the body of a good answer; raises WrongAnswer for any other."""
        try:
            status, body = self.ask(request)
        except (OSError, http.client.HTTPException) as error:
            raise WrongAnswer(f"{request.path} did not answer: {error!r}") from None
        if not 200 <= status < 300 or '"errors"' in body:  # noqa: PLR2004 - the class of HTTP
            raise WrongAnswer(f"{request.path} answered {status} {body[:300]}")
        return body

    def data(self, request: Request) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a good answer; raises WrongAnswer for any other."""
        return json.loads(self.text(request))
