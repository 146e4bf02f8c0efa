"""A full rotation of the signing keys, while a server and other services verify tokens."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests.client import WELCOME, Client, registration
from tests.conftest import Start
from tests.integrations.processes import free_port
from tests.integrations.verifiers import RefusedError, Verify, run_verifiers
from tests.process import ServerProcess, run_command
from tests.tokens.keys import encode, new_key, set_age, write_keys
from tests.tokens.signatures import decode

CLIENTS = 4
SECONDS_OF_LOAD = 60
SECONDS_BETWEEN_TOKENS = 0.1
SECONDS_BETWEEN_PROBES = 0.5
# The recipes keep the keys for 300 seconds; here, in proportion to the time of the test.
SECONDS_OF_A_CACHE = 5
SHORTER_CACHES = {
    "lifespan=300": f"lifespan={SECONDS_OF_A_CACHE}",
    "/ 300)": f"/ {SECONDS_OF_A_CACHE})",
    "300_000": f"{SECONDS_OF_A_CACHE}_000",
}
# The directory is read again every minute; a busy machine needs some seconds more.
SECONDS_TO_FORGET = 60 + 10
AN_HOUR = 3600 + 1
WORKERS = "both workers"
REGISTER = "mutation ($input: RegisterInput!) { done: register(input: $input) { %s } }"
REFRESH = "mutation ($input: RefreshTokenInput!) { done: refreshToken(input: $input) { %s } }"
TOKENS = "token refreshToken"


@dataclass
class Rotation:
    """The server, those who verify, and what they said."""

    url: str
    verifiers: dict[str, Verify]
    verified: Counter[str] = field(default_factory=Counter)
    signed_by: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    last_signed_at: dict[str, float] = field(default_factory=dict)
    last_accepted_at: dict[str, float] = field(default_factory=dict)
    old_token: str = ""
    unknown_token: str = ""
    is_over: threading.Event = field(default_factory=threading.Event)

    def act(self) -> None:
        """Get a token, show it to everyone, and go on with the next one of the session."""
        with Client(self.url) as client:
            asked = REGISTER.replace("%s", TOKENS), {"input": registration()}
            while not self.is_over.is_set():
                answer = client.ask(*asked)
                if "errors" in answer:
                    self.refused.append(f"the server: {answer['errors']}")
                    return
                done = answer["data"]["done"]
                self._show(done["token"])
                asked = (
                    REFRESH.replace("%s", TOKENS),
                    {"input": {"refreshToken": done["refreshToken"]}},
                )
                time.sleep(SECONDS_BETWEEN_TOKENS)

    def _show(self, token: str) -> None:
        kid = kid_of(token)
        self.signed_by[kid] += 1
        self.last_signed_at[kid] = time.monotonic()
        for name, verify in self._everyone():
            if why := verify(token):
                self.refused.append(f"{name}: {why}, signed by {kid}")
            else:
                self.verified[name] += 1

    def probe(self) -> None:
        """Show everyone the token of the key that will be retired, and note who accepts it."""
        while not self.is_over.is_set():
            for name, verify in self._everyone():
                if not verify(self.old_token):
                    self.last_accepted_at[name] = time.monotonic()
            time.sleep(SECONDS_BETWEEN_PROBES)

    def _everyone(self) -> Iterator[tuple[str, Callable[[str], str]]]:
        """Yield all who verify, each as a function that returns why it refuses a token."""
        # One connection each, so that both workers are asked, sooner or later.
        yield WORKERS, self.ask_server
        for name, verify in self.verifiers.items():
            yield name, lambda token, verify=verify: refusal(verify, token)  # type: ignore[misc]

    def ask_server(self, token: str) -> str:
        with Client(self.url) as client:
            answer = client.ask(WELCOME, token=token)
        return json.dumps(answer["errors"][0]["extensions"]) if "errors" in answer else ""

    def kids(self) -> set[frozenset[str]]:
        """The sets of keys that the workers publish now."""
        found = set()
        for _ in range(10):
            keys = httpx.get(jwks_url(self.url)).json()["keys"]
            found.add(frozenset(key["kid"] for key in keys))
        return found

    def wait_until(self, holds: Callable[[], bool]) -> float:
        """Wait for something, and have the directory read; return the seconds it took.

        A token of an unknown key does that at once, and a minute less is waited.
        """
        began = time.monotonic()
        while not holds():
            assert self.ask_server(self.unknown_token)
            assert time.monotonic() - began < SECONDS_TO_FORGET
            time.sleep(0.2)
        return time.monotonic() - began


def kid_of(token: str) -> str:
    return str(json.loads(decode(token.partition(".")[0]))["kid"])


def rename_key(token: str) -> str:
    """Return the token under the id of a key that does not exist."""
    header, rest = token.split(".", 1)
    text = decode(header).replace(kid_of(token).encode(), encode(bytes(32)).encode())
    return f"{encode(text)}.{rest}"


def refusal(verify: Verify, token: str) -> str:
    try:
        verify(token)
    except RefusedError as error:
        return str(error)
    return ""


def jwks_url(url: str) -> str:
    return url.removesuffix("/graphql") + "/.well-known/jwks.json"


@contextmanager
def load(rotation: Rotation) -> Iterator[None]:
    """Run the clients and the probe while the block rotates the keys."""
    threads = [threading.Thread(target=rotation.act) for _ in range(CLIENTS)]
    threads.append(threading.Thread(target=rotation.probe))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        rotation.is_over.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return write_keys(tmp_path / "keys", new_key("ES256"))


@pytest.fixture
def server(start: Start, keys: Path) -> ServerProcess:
    port = str(free_port())
    settings = {"SIGNING_KEYS": str(keys), "ISSUER": f"http://localhost:{port}"}
    return start("--workers", "2", "--port", port, **settings)


def test_rotation_under_load_refuses_no_token(
    server: ServerProcess, keys: Path, tmp_path: Path
) -> None:
    old = new_key("ES256").kid
    issuer = server.url.removesuffix("/graphql")
    with run_verifiers(issuer, tmp_path, SHORTER_CACHES) as verifiers:
        rotation = Rotation(server.url, verifiers)
        with Client(server.url) as client:
            rotation.old_token = client.token()
        rotation.unknown_token = rename_key(rotation.old_token)
        began = time.monotonic()
        with load(rotation):
            time.sleep(SECONDS_OF_A_CACHE)
            made = run_command(tmp_path, "keys", "new", SIGNING_KEYS=str(keys))
            assert made.returncode == 0, made.stderr
            (new,) = {file.stem for file in keys.glob("*.pem")} - {old}
            published = rotation.wait_until(lambda: rotation.kids() == {frozenset({old, new})})
            time.sleep(SECONDS_OF_A_CACHE)
            assert rotation.signed_by.keys() == {old}

            set_age(keys / f"{new}.pem", AN_HOUR)
            switched = rotation.wait_until(
                lambda: time.monotonic() - rotation.last_signed_at[old] > SECONDS_OF_A_CACHE
            )
            time.sleep(SECONDS_OF_A_CACHE)

            retired_at = time.monotonic()
            retired = run_command(tmp_path, "keys", "retire", "--", old, SIGNING_KEYS=str(keys))
            assert retired.returncode == 0, retired.stderr
            time.sleep(max(SECONDS_TO_FORGET, SECONDS_OF_LOAD - (retired_at - began)))
            assert all(rotation.ask_server(rotation.old_token) for _ in range(20))
        seconds = time.monotonic() - began

    accepted_for = {
        name: round(at - retired_at, 1) for name, at in rotation.last_accepted_at.items()
    }
    print(
        f"{seconds:.0f} s of load: {dict(rotation.verified)} tokens verified,"
        f" {len(rotation.refused)} refused; signed by the old key {rotation.signed_by[old]}, by the"
        f" new one {rotation.signed_by[new]}; published after {published:.1f} s, signs after"
        f" {switched:.1f} s; accepted after the old key was retired, in seconds: {accepted_for}"
    )
    assert rotation.refused == []
    assert min(rotation.verified.values()) > 0
    assert min(rotation.signed_by[old], rotation.signed_by[new]) > 0
    for name, seconds in accepted_for.items():
        assert seconds < SECONDS_TO_FORGET + (0 if name == WORKERS else SECONDS_OF_A_CACHE)
    assert " ERROR " not in server.output
