"""The tutorial's Express application, as it is and as docs/moving.md changes it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.client import PASSWORD
from tests.docs.blocks import read_blocks
from tests.integrations.processes import HERE, running
from tests.process import ROOT

GUIDE = ROOT / "docs" / "moving.md"
TOKEN_KEY = "the key of the tutorial"


class Express:
    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def register(self, email: str, password: str = PASSWORD) -> int:
        body = {"first_name": "Ada", "last_name": "L", "email": email, "password": password}
        return self._http.post("/register", json=body).status_code

    def login(self, email: str, password: str = PASSWORD) -> int:
        """Log in and ask for the greeting; return the first status that is an error, else 200."""
        answer = self._log_in(email, password)
        return self.welcome(answer.json()["token"]) if answer.is_success else answer.status_code

    def token(self, email: str, password: str) -> str:
        return str(self._log_in(email, password).json()["token"])

    def _log_in(self, email: str, password: str) -> httpx.Response:
        return self._http.post("/login", json={"email": email, "password": password})

    def welcome(self, token: str) -> int:
        return self._http.get("/welcome", headers={"x-access-token": token}).status_code


def write_express(directory: Path, *, is_changed: bool) -> Path:
    """Write the application, with the changes of the guide or without; return its main file."""
    directory.mkdir(exist_ok=True)
    (directory / "node_modules").symlink_to(HERE / "node_modules")
    text = (HERE / "express.cjs").read_text(encoding="utf-8")
    if is_changed:
        text = _change(text)
        compare = next(block for block in read_blocks(GUIDE) if block.language == "js")
        (directory / "compare.js").write_text(compare.source, encoding="utf-8")
    application = directory / "express.cjs"
    application.write_text(text, encoding="utf-8")
    return application


@contextmanager
def run_express(
    application: Path, mongo_uri: str, port: int, key: str = TOKEN_KEY
) -> Iterator[Express]:
    environment = {"MONGO_URI": mongo_uri, "TOKEN_KEY": key, "API_PORT": str(port)}
    with (
        running(port, "node", application, directory=application.parent, **environment),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        yield Express(http)


def _change(text: str) -> str:
    """Replace what the table of the guide says."""
    guide = GUIDE.read_text(encoding="utf-8")
    table = guide.partition("| replace | with |\n")[2].partition("\n\n")[0]
    changes = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", table, re.MULTILINE)
    assert len(changes) == 2
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text
